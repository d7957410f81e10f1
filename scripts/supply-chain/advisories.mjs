/**
 * What `npm audit` reports, against the policy: which severity fails for what is shipped and for tools, and which advisories are known and why they do not
 * matter here. An exception ends on its day, so that nobody forgets it.
 */
import { outsidePackages } from "./lock-file.mjs";

const SEVERITIES = ["info", "low", "moderate", "high", "critical"];

/** `report`: version 2 of npm's format. Returns what fails, what an exception excuses, and faults of the exceptions themselves. */
export function judgeAdvisories(report, lock, { advisories }, today) {
	const shipped = new Set(outsidePackages(lock).flatMap((entry) => (entry.dev === true ? [] : [entry.name])));
	const failing = [];
	const excused = [];
	const used = new Set();
	for (const { name, via } of Object.values(report.vulnerabilities)) {
		for (const advisory of via) {
			// A name stands for an advisory of another package of the list.
			if (typeof advisory === "string") continue;
			const id = advisoryId(advisory);
			const threshold = advisories.failFrom[shipped.has(name) ? "shipped" : "toolsOnly"];
			if (SEVERITIES.indexOf(advisory.severity) < SEVERITIES.indexOf(threshold)) continue;
			const line = `${name}: ${advisory.title} (${advisory.severity}, ${id})`;
			const exception = advisories.exceptions.find((candidate) => candidate.id === id && candidate.package === name);
			if (exception === undefined) failing.push(line);
			else {
				used.add(exception);
				if (exception.until < today) failing.push(`${line}: its exception ended on ${exception.until}`);
				else excused.push(`${line}: ${exception.reason} (until ${exception.until})`);
			}
		}
	}
	for (const exception of advisories.exceptions) {
		if (!exception.reason || !/^\d{4}-\d\d-\d\d$/.test(exception.until ?? ""))
			failing.push(`the exception for ${exception.id} needs a reason and a day on which it ends`);
		if (!used.has(exception)) failing.push(`the exception for ${exception.id} in ${exception.package} is not needed any more`);
	}
	return { failing, excused };
}

function advisoryId({ url, source }) {
	return /GHSA-[a-z0-9-]+/.exec(url ?? "")?.[0] ?? String(source);
}
