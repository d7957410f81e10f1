/** Licences of everything that is installed, against the list of those that we accept. Tools that no user of a package receives may have a few more. */
import { outsidePackages } from "./lock-file.mjs";

/** A sentence for each package whose licence is not accepted, and for each exception that nothing needs. */
export function licenceFaults(lock, { licences }) {
	const packages = outsidePackages(lock);
	const exceptions = new Map(licences.exceptions.map((exception) => [exception.package, exception]));
	const faults = [];
	for (const { name, license, dev, version } of packages) {
		const accepted = new Set(dev === true ? [...licences.allowed, ...licences.toolsOnly] : licences.allowed);
		if (!accepts(accepted, licenceOf(name, license, licences)))
			faults.push(`${name}@${version}: ${license ?? "no licence named"}${dev === true ? "" : " (shipped)"}`);
	}
	for (const [name, { licence, reason }] of exceptions) {
		if (!packages.some((entry) => entry.name === name && entry.license === undefined)) faults.push(`the exception for ${name} is not needed`);
		if (!licence || !reason) faults.push(`the exception for ${name} needs a licence and a reason`);
	}
	return faults;
}

/** What the package says itself; where it says nothing, what the policy found. */
export function licenceOf(name, stated, { exceptions }) {
	return stated ?? exceptions.find((exception) => exception.package === name)?.licence;
}

/** SPDX expressions of one level: any part of an OR, every part of an AND. What nests deeper is for a person to read. */
function accepts(accepted, expression) {
	if (typeof expression !== "string") return false;
	const bare = expression.replace(/^\((.*)\)$/, "$1");
	if (/[()]/.test(bare) || (/ OR /.test(bare) && / AND /.test(bare))) return false;
	if (/ AND /.test(bare)) return bare.split(" AND ").every((part) => accepted.has(part));
	return bare.split(" OR ").some((part) => accepted.has(part));
}
