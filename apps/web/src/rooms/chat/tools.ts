/** The network's tools as this page runs them: the hub is asked through the gateway, so that one origin is enough. */
import { FreeholdError, type ModelBody, type ModelListBody, parseModelName } from "@freehold/protocol";
import { type NetworkReader, networkTools, offerOf } from "@freehold/sdk/assistant";
import { askJson } from "../../network/ask.js";

const HUB = "The hub";

const reader: NetworkReader = {
	async show(model, { signal }) {
		const parsed = parseModelName(model);
		if (parsed === undefined) throw new FreeholdError("model.notFound", { model: model.slice(0, 100) });
		return (await askJson(`/api/hub/v1/models/${parsed.namespace}/${parsed.name}`, { what: HUB, signal })) as ModelBody;
	},
	list: async ({ sort, limit, signal }) => (await askJson(`/api/hub/v1/models?limit=${limit}&sort=${sort}`, { what: HUB, signal })) as ModelListBody,
};

export const pageTools = networkTools(reader);
export const offeredTools = offerOf(pageTools);
