import { formatCertificateFile } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { describe, expect, it } from "vitest";
import { changedSets, makeCertificate, OWNER, PUBLISHED_AT, PUBLISHER } from "../../test/genuine-certificate.js";
import { type CertificateOptions, verifyCertificate, verifyCertificateText } from "./certificate.js";

const WEEK_MS = 7 * 86_400_000;
const NOW = 1_760_000_000_000 + 86_400_000;
const options = (checkpoint: CertificateOptions["checkpoint"], trustNow?: number): CertificateOptions => ({
	checkpoint,
	crypto: nativeCrypto,
	...(trustNow === undefined ? {} : { trustNow }),
});

describe("a certificate", () => {
	it("says who published which bytes when, and whose they are now", async () => {
		const { file, checkpoint } = await makeCertificate();
		const verdict = verifyCertificateText(formatCertificateFile(file), options(checkpoint));
		expect(verdict).toMatchObject({
			outcome: "genuine",
			signedBy: "one operator",
			facts: { model: "base/digits@1.2", publisher: PUBLISHER, owner: OWNER, publishedAt: PUBLISHED_AT, retiredAt: 0, block: { number: 18n } },
		});
	});

	it("is forged where the registry keeps another release, other bytes or a later time", async () => {
		for (const kept of [{ modelId: 1n }, { manifest: 1n }, { publishedAt: 0n }, { publishedAt: 1_760_000_100n }]) {
			const { file, checkpoint } = await makeCertificate({ kept });
			expect(verifyCertificate(file, options(checkpoint)).outcome).toBe("forged");
		}
	});

	it("carries its way over changed sets of validators, which is trusted for a week by a clock and never without one", async () => {
		const { file, checkpoint } = await makeCertificate(changedSets);
		expect(verifyCertificate(file, options(checkpoint, NOW))).toMatchObject({ outcome: "genuine", signedBy: "validators" });
		expect(verifyCertificate(file, options(checkpoint)).outcome).toBe("expired");
		expect(verifyCertificate(file, options(checkpoint, NOW + WEEK_MS))).toMatchObject({ outcome: "expired", reason: expect.stringContaining("too old") });
		expect(verifyCertificate(file, options({ ...checkpoint, height: 21 }, NOW)).outcome).toBe("older");
		expect(verifyCertificate(file, options({ ...checkpoint, hash: `0x${"ab".repeat(32)}` }, NOW)).outcome).toBe("forged");
	});

	it("is neither genuine nor old where nothing joins its way to the checkpoint: anybody can have validators of their own", async () => {
		const { file, checkpoint } = await makeCertificate(changedSets);
		const strange = { ...checkpoint, validatorsHash: `0x${"11".repeat(32)}`, hash: `0x${"22".repeat(32)}` } as const;
		for (const height of [11, 21]) expect(verifyCertificate(file, options({ ...strange, height }, NOW)).outcome).toBe("elsewhere");
		expect(verifyCertificate({ ...file, lightPath: (file.lightPath ?? []).slice(1) }, options(checkpoint, NOW)).outcome).toBe("elsewhere");
	});

	it("is forged without its way, with a part of it, and with its blocks in another order", async () => {
		const { file, checkpoint } = await makeCertificate(changedSets);
		const { lightPath = [], ...stripped } = file;
		expect(lightPath).toHaveLength(2);
		expect(verifyCertificate(stripped, options(checkpoint, NOW)).outcome).toBe("forged");
		for (const path of [[], lightPath.slice(0, 1), [...lightPath].reverse(), [...lightPath, file.lightBlock]])
			expect(verifyCertificate({ ...file, lightPath: path }, options(checkpoint, NOW)).outcome).toBe("forged");
	});
});
