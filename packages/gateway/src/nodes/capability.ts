/** What a node says it can run (`GET /v1/engines`), and whether that is enough for a call. */
import { FreeholdError, formatName, isHex, type Mode, nodeRoutes } from "@freehold/protocol";
import { fetchJson } from "@freehold/service";
import { nodeReach } from "./reach.js";

/** What a call needs of a node. */
export interface Need {
	/** As the registry numbers it. */
	readonly format: number;
	readonly mode: Mode;
}

export interface Capability {
	/** `format/mode` of each engine. */
	readonly runs: ReadonlySet<string>;
}

const MAX_ENGINES = 32;
const MAX_FORMATS = 16;
const MAX_BYTES = 256 * 1024;

export function canRun({ runs }: Capability, { format, mode }: Need): boolean {
	return runs.has(`${formatName(format) ?? String(format)}/${mode}`);
}

/** Asks a node. Throws what `fetchJson` throws, or `upstream.failed` for an answer that another operator's node gives, or that says nothing. */
export async function askCapability(
	endpoint: string,
	operator: string,
	options: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<Capability> {
	const what = `The node at ${endpoint}`;
	const body = await fetchJson(`${endpoint}${nodeRoutes.engines.path}`, { what, ...options, ...nodeReach(), maxBytes: MAX_BYTES });
	const { engines, operator: answered } = (body ?? {}) as { readonly engines?: unknown; readonly operator?: unknown };
	if (!isHex(answered, 20) || answered !== operator) throw new FreeholdError("upstream.failed", { what, reason: "it is another operator's" });
	if (!Array.isArray(engines) || engines.length > MAX_ENGINES) throw new FreeholdError("upstream.failed", { what, reason: "no list of engines" });
	return { runs: new Set(engines.flatMap(runsOf)) };
}

/** A node that names no formats is of the time when all ran ONNX. */
function runsOf(engine: unknown): readonly string[] {
	const { mode, formats = ["onnx"] } = (engine ?? {}) as { readonly mode?: unknown; readonly formats?: unknown };
	if (typeof mode !== "string" || !Array.isArray(formats) || formats.length > MAX_FORMATS) return [];
	return formats.filter((format): format is string => typeof format === "string").map((format) => `${format}/${mode}`);
}
