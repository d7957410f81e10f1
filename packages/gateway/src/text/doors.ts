/** All doors to language models, bound to their routes. */
import { chatCompletions, completions, type Dialect, embeddings, messages, openaiError, responses } from "@freehold/dialects";
import { gatewayRoutes, type Route } from "@freehold/protocol";
import { errorResponse, type RouteBinding } from "@freehold/service";
import { countTokensPage } from "./count-tokens.js";
import { dialectDoor, exactDoor } from "./door.js";
import { modelListPage, modelPage } from "./model-pages.js";
import { refuseBy, type TextModules, textCalls } from "./text-calls.js";

export interface DoorOptions {
	readonly chainId: number;
	readonly random: (length: number) => Uint8Array;
	readonly deadlineMs: number;
}

const dialects: readonly { readonly route: Route; readonly dialect: Dialect }[] = [
	{ route: gatewayRoutes.chatCompletions, dialect: chatCompletions },
	{ route: gatewayRoutes.completions, dialect: completions },
	{ route: gatewayRoutes.embeddings, dialect: embeddings },
	{ route: gatewayRoutes.responses, dialect: responses },
	{ route: gatewayRoutes.messages, dialect: messages },
];

export function textDoors({ chainId, random, deadlineMs }: DoorOptions, modules: TextModules): readonly RouteBinding[] {
	const seed = (): number => new DataView(random(4).slice().buffer).getUint32(0);
	const { catalogue } = modules.plan;
	const pages = { catalogue, now: modules.now };
	const openai = refuseBy({ refusal: openaiError });
	const { places } = modules;
	return [
		{ route: gatewayRoutes.text, handler: textCalls(exactDoor(chainId), modules), deadlineMs, turnAway: places.door(errorResponse) },
		...dialects.map(({ route, dialect }): RouteBinding => {
			const door = dialectDoor(dialect, seed);
			const refuse = refuseBy(door);
			return { route, handler: textCalls(door, modules), refuse, deadlineMs, turnAway: places.door(refuse) };
		}),
		{ route: gatewayRoutes.countTokens, handler: countTokensPage(modules), refuse: refuseBy(messages) },
		{ route: gatewayRoutes.textModels, handler: modelListPage(pages), refuse: openai },
		{ route: gatewayRoutes.textModel, handler: modelPage(pages), refuse: openai },
		{ route: gatewayRoutes.textModelByName, handler: modelPage(pages), refuse: openai },
	];
}
