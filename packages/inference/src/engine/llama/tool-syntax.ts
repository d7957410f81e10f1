/** How a model writes tool calls, found out by letting its template write some. */
import type { ChatTemplate } from "./chat-template.js";
import type { Mark, Stretch, Vocabulary } from "./vocabulary.js";

export interface ToolSyntax {
	/** The token that begins a call. */
	readonly trigger: Mark;
	/** From the trigger to the name, the trigger left out. */
	readonly beforeName: string;
	/** From the name to the arguments. */
	readonly beforeArguments: string;
	/** Text behind the arguments, up to the mark that closes the call. */
	readonly afterArguments: string;
	/** Marks and text that close the call. */
	readonly close: readonly Stretch[];
	/** Between two calls. */
	readonly between: readonly Stretch[];
}

const NAME = ["probe_one", "probe_two"] as const;
const ARGUMENT = ["first", "second"] as const;

/** Undefined where calls do not begin with a mark: they could not be told from text then. */
export function readToolSyntax(template: ChatTemplate, vocabulary: Vocabulary): ToolSyntax | undefined {
	let stretches: Stretch[];
	try {
		stretches = template.write({
			messages: [
				{ role: "user", content: [{ type: "text", text: "probe" }] },
				{ role: "assistant", content: [], toolCalls: NAME.map((name, index) => ({ id: `probecall${index}`, name, arguments: `{"a":"${ARGUMENT[index]}"}` })) },
			],
			tools: NAME.map((name) => ({ name, description: "probe", parameters: { type: "object", properties: { a: { type: "string" } } }, strict: false })),
			open: false,
		});
	} catch {
		return undefined;
	}
	const text = stretches.map((stretch) => ("mark" in stretch ? stretch.mark.text : stretch.text)).join("");
	// The last mention is the call: tools are listed before it.
	const at = NAME.map((name) => text.lastIndexOf(name));
	const [name1 = -1, name2 = -1] = at;
	const [given1, given2] = [...text.matchAll(/\{"a": ?"(?:first|second)"\}/g)]
		.slice(-2)
		.map(({ index, 0: { length } }) => ({ start: index, end: index + length }));
	if (given1 === undefined || given2 === undefined) return undefined;
	if (name1 < 0 || given1.start < name1 || name2 < given1.end || given2.start < name2) return undefined;
	const beforeArguments = text.slice(name1 + NAME[0].length, given1.start);
	// What stands between the first call's arguments and the second one's name: end of a call, separator, beginning of a call.
	const middle = text.slice(given1.end, name2);
	const trigger = markBefore(text, name1, vocabulary);
	if (trigger === undefined) return undefined;
	const beforeName = text.slice(trigger.index + trigger.mark.text.length, name1);
	const opening = `${trigger.mark.text}${beforeName}`;
	if (!middle.endsWith(opening)) return undefined;
	const ending = vocabulary.split(middle.slice(0, -opening.length));
	const firstMark = ending.findIndex((stretch) => "mark" in stretch);
	if (firstMark < 0) return undefined;
	const before = ending.slice(0, firstMark);
	const after = before[0] !== undefined && "text" in before[0] ? before[0].text : "";
	return {
		trigger: trigger.mark,
		beforeName,
		beforeArguments,
		afterArguments: after,
		close: ending.slice(firstMark, firstMark + 1),
		between: ending.slice(firstMark + 1),
	};
}

function markBefore(text: string, end: number, vocabulary: Vocabulary): { readonly mark: Mark; readonly index: number } | undefined {
	for (let index = end - 1; index >= 0; index--) {
		const mark = vocabulary.markAt(text, index);
		if (mark !== undefined) return { mark, index };
	}
	return undefined;
}
