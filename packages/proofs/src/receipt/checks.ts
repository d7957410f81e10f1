/** What a verifier found out, one line per question. */

export type CheckName =
	| "file"
	| "order"
	| "signed"
	| "payer"
	| "request"
	| "answer"
	| "engine"
	| "evidence"
	| "release"
	| "price"
	| "anchored"
	| "sum"
	| "state"
	| "header";

/** `unproven`: nothing speaks against it, and nothing in the file proves it. */
export type CheckResult = "holds" | "fails" | "unproven";

export interface Check {
	readonly name: CheckName;
	/** True only when it holds. */
	readonly ok: boolean;
	readonly result: CheckResult;
	/** In words, for people. */
	readonly detail: string;
}

export const holds = (name: CheckName, detail: string): Check => ({ name, ok: true, result: "holds", detail });
export const fails = (name: CheckName, detail: string): Check => ({ name, ok: false, result: "fails", detail });
export const unproven = (name: CheckName, detail: string): Check => ({ name, ok: false, result: "unproven", detail });

/** The first reason there is makes the check fail. */
export function judge(name: CheckName, detail: string, reasons: readonly (string | undefined | false)[]): Check {
	const reason = reasons.find((candidate) => typeof candidate === "string");
	return typeof reason === "string" ? fails(name, reason) : holds(name, detail);
}
