/** `freehold certificate verify`: who published which bytes when, from a file and a checkpoint, without a network. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { type CertificateVerdict, verifyCertificateText } from "@freehold/proofs/certificate";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { readTrust } from "../accounts/trust.js";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";
import { readBounded, usage } from "./receipt.js";

/** As `receipt verify`: 0 genuine, 1 forged, 2 wrong use, 4 genuine and not proved by this checkpoint. */
const EXIT = { genuine: 0, forged: 1, older: 4, expired: 4, elsewhere: 4 } as const;
const REMEDY = {
	older: "make a newer one for certainty",
	expired: "make it again from a newer checkpoint (freehold checkpoint update)",
	elsewhere: "judge it by the checkpoint that it was made from, or make it again from this one (freehold model certificate --checkpoint)",
} as const;

export const verify: Action = async (context, [file = ""], options) => {
	let text: string;
	let trust: Awaited<ReturnType<typeof readTrust>>;
	try {
		text = await readBounded(file);
		trust = await readTrust(context, options["checkpoint"]);
	} catch (error) {
		if (!(error instanceof FreeholdError)) throw error;
		return usage(context, error);
	}
	const { checkpoint, chainId } = trust;
	const verdict = verifyCertificateText(text, { checkpoint, chainId, now: Date.now(), trustNow: Date.now(), crypto: nativeCrypto });
	const bytes = options["file"];
	const matched = typeof bytes === "string" && verdict.outcome !== "forged" ? await matchOf(bytes, verdict.facts.manifest.files) : undefined;
	const wrongBytes = matched !== undefined && matched.path === undefined;
	context.output.result({ ...verdict, ...(matched === undefined ? {} : { file: matched }) }, () => describe(context, verdict, matched));
	return wrongBytes ? EXIT.forged : EXIT[verdict.outcome];
};

interface Match {
	readonly sha256: Hex;
	/** Path of the file in the release that has these bytes. */
	readonly path: string | undefined;
}

async function matchOf(path: string, files: readonly { readonly path: string; readonly sha256: Hex }[]): Promise<Match> {
	const info = await stat(path).catch(() => undefined);
	if (info?.isFile() !== true) throw new FreeholdError("config.invalid", { option: "--file", reason: `${path} cannot be read` });
	const hash = createHash("sha256");
	await pipeline(createReadStream(path), hash);
	const sha256: Hex = `0x${hash.digest("hex")}`;
	return { sha256, path: files.find((file) => file.sha256 === sha256)?.path };
}

function describe({ output }: CommandContext, verdict: CertificateVerdict, matched: Match | undefined): string {
	if (verdict.outcome === "forged") return `${output.bad("✗")} Not genuine: ${verdict.reason}`;
	const { facts } = verdict;
	const time = (seconds: number): string => new Date(seconds * 1000).toISOString();
	return [
		`${facts.model}, release ${facts.release}`,
		`published by ${facts.publisher} at ${time(facts.publishedAt)}${facts.retiredAt === 0 ? "" : `, retired at ${time(facts.retiredAt)}`}`,
		`owned by ${facts.owner} at block ${facts.block.number}, ${time(facts.block.time)}`,
		...facts.manifest.files.map(({ path, sha256, bytes }) => `  ${sha256}  ${path} (${bytes} bytes)`),
		...(matched === undefined
			? []
			: [matched.path === undefined ? `${output.bad("✗")} The given file is none of these` : `${output.good("✓")} The given file is ${matched.path}`]),
		"",
		output.bold(summary(verdict)),
		verdict.outcome === "genuine" && verdict.signedBy === "one operator" ? "Known by the signature of the network's one operator." : "",
	]
		.join("\n")
		.trimEnd();
}

function summary(verdict: Exclude<CertificateVerdict, { readonly outcome: "forged" }>): string {
	if (verdict.outcome === "genuine") return "Genuine.";
	return `${verdict.outcome === "elsewhere" ? "Not proved" : "Genuine"}, and ${verdict.reason}: ${REMEDY[verdict.outcome]}.`;
}
