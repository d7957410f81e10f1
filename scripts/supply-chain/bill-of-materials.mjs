/** The bill of materials in CycloneDX, from npm's own: the same bytes for the same lock file, and a licence for every part. */
import { createHash } from "node:crypto";
import { licenceOf } from "./licences.mjs";

/** `npmBill`: what `npm sbom --sbom-format cyclonedx --package-lock-only` prints. */
export function billOfMaterials(npmBill, lockBytes, { licences }) {
	const { timestamp: _, ...metadata } = npmBill.metadata;
	const digest = createHash("sha256").update(lockBytes).digest("hex");
	return {
		...npmBill,
		// A name-based UUID (RFC 9562, version 8) of the lock file, where npm draws a random one.
		serialNumber: `urn:uuid:${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
		// npm names the root after its folder.
		metadata: { ...metadata, component: { ...metadata.component, name: "freehold" } },
		components: npmBill.components.map((component) => {
			const name = decodeURIComponent(/^pkg:npm\/(.+)@[^@]+$/.exec(component.purl)?.[1] ?? component.name);
			const licence = component.licenses === undefined ? licenceOf(name, undefined, licences) : undefined;
			return licence === undefined ? component : { ...component, licenses: [{ license: { id: licence } }] };
		}),
	};
}
