/** `freehold model compare A B`: whether two models share weights, what that shows, and what it cannot. Nothing is run; nothing is sent. */
import { readFile, stat } from "node:fs/promises";
import { FreeholdError, limits, onnxLimits, readWeights, type Weight } from "@freehold/protocol";
import { compareWeights, type Freehold, readBlob, readManifest, similarityWords } from "@freehold/sdk";
import { connectVisitor } from "../client/connect.js";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

const SHOWN_TENSORS = 12;

export const compare: Action = async (context, [one = "", other = ""]) => {
	let connected: Freehold | undefined;
	const network = async (): Promise<Freehold> => {
		connected ??= (await connectVisitor(context)).freehold;
		return connected;
	};
	const [a, b] = [await weightsOf(context, one, network), await weightsOf(context, other, network)];
	const similarity = compareWeights(a, b);
	const { verdict, aligned, likeness, compared, tensors } = similarity;
	const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
	context.output.result({ a: one, b: other, ...similarity, shows: similarityWords.shows[verdict], cannotShow: similarityWords.cannotShow }, () =>
		[
			context.output.bold(similarityWords.shows[verdict]),
			`${percent(aligned)} alike in place, ${percent(likeness)} beyond chance in any order; ${percent(compared)} of the smaller model's weights could be compared`,
			"",
			table([
				["tensor", "beside", "shape", "in place", "best rows", "chance", "any order", "zeros"],
				...tensors
					.slice(0, SHOWN_TENSORS)
					.map((tensor) => [
						tensor.a,
						tensor.b,
						tensor.shape.join("×"),
						...[tensor.aligned, tensor.matched, tensor.chance, tensor.likeness].map((figure) => figure.toFixed(2)),
						tensor.zeros.map(percent).join(" / "),
					]),
			]),
			...(tensors.length > SHOWN_TENSORS ? [`and ${tensors.length - SHOWN_TENSORS} more (--json)`] : []),
			"",
			"What it cannot show:",
			...similarityWords.cannotShow.map((line) => `  ${line}`),
		].join("\n"),
	);
	return 0;
};

/** Of a file on this machine, or of a release. */
async function weightsOf(context: CommandContext, what: string, network: () => Promise<Freehold>): Promise<readonly Weight[]> {
	const info = await stat(what).catch(() => undefined);
	if (info?.isFile() === true && info.size > onnxLimits.maxBytes) throw new FreeholdError("request.tooLarge", { field: what, limit: onnxLimits.maxBytes });
	return readWeights(info?.isFile() === true ? new Uint8Array(await readFile(what)) : await modelFile(context, await network(), what));
}

async function modelFile({ signal }: CommandContext, freehold: Freehold, model: string): Promise<Uint8Array> {
	const { release } = await freehold.licences.show(model, { signal });
	const { manifest } = await readManifest(freehold.client, release, signal);
	const [file] = manifest.files;
	if (manifest.format !== "onnx" || file === undefined)
		throw new FreeholdError("request.invalid", { field: model, reason: `is a ${manifest.format} model; ONNX models can be compared` });
	if (file.bytes > Math.min(onnxLimits.maxBytes, limits.blobBytes)) throw new FreeholdError("request.tooLarge", { field: model, limit: onnxLimits.maxBytes });
	return readBlob(freehold.client, file.sha256, file.bytes, signal);
}
