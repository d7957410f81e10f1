/** `GET /v1/models`: what the doors to language models can be asked. */
import { type ListedModel, modelBody, modelListBody } from "@freehold/dialects";
import { FreeholdError, formatName, isTextFormat } from "@freehold/protocol";
import { type Handler, jsonResponse } from "@freehold/service";
import type { Catalogue, ServedRelease } from "../catalogue/catalogue.js";

export interface ModelPageModules {
	readonly catalogue: Catalogue;
	/** Unix milliseconds. */
	readonly now: () => number;
}

export function modelListPage({ catalogue, now }: ModelPageModules): Handler {
	return () =>
		jsonResponse(
			modelListBody(
				catalogue
					.served(Math.floor(now() / 1000))
					.filter(isText)
					.map(listed),
			),
		);
}

/** By `namespace/name`, its slash encoded or not. */
export function modelPage({ catalogue, now }: ModelPageModules): Handler {
	return ({ params }) => {
		const { model, namespace, name } = params;
		const wanted = model ?? `${namespace}/${name}`;
		const release = catalogue.resolveText(wanted, Math.floor(now() / 1000));
		if (!isText(release)) throw new FreeholdError("model.notFound", { model: wanted });
		return jsonResponse(modelBody(listed(release)));
	};
}

function isText({ record }: ServedRelease): boolean {
	return isTextFormat(formatName(record.format));
}

function listed({ name, record }: ServedRelease): ListedModel {
	const model = name.replace(/@.*$/, "");
	return { name: model, createdAt: record.publishedAt, owner: model.split("/", 1)[0] ?? model };
}
