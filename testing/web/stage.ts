/** A local network and a browser for a test file, and people at it. Nobody's page may err, break its policy, or ask another origin. */
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { chromiumPath, openBrowser, openPerson, type Person } from "./browser.js";
import { type LocalNetwork, pageIsBuilt, startLocalNetwork } from "./local-network.js";

/** False where this machine lacks what the tests of the page need. */
export const stageIsReady: boolean = chromiumPath !== undefined && pageIsBuilt;

export interface Stage {
	readonly network: LocalNetwork;
	/** Somebody with a browser of their own. */
	person(options?: BrowserContextOptions): Promise<Person>;
}

/** Registers the hooks of the file that calls it. `environment` is told to the network's programs. */
export function setStage(environment: () => Promise<NodeJS.ProcessEnv> = async () => ({})): Stage {
	let network: LocalNetwork | undefined;
	let browser: Browser | undefined;
	const people: Person[] = [];

	beforeAll(async () => {
		[network, browser] = await Promise.all([environment().then(startLocalNetwork), openBrowser()]);
	}, 120_000);
	afterAll(async () => {
		await browser?.close();
		await network?.end();
	}, 60_000);
	afterEach(async () => {
		const left = people.splice(0);
		await Promise.all(left.map(({ context }) => context.close()));
		for (const { faults, requests } of left) {
			expect(faults).toEqual([]);
			expect(requests.filter((url) => !url.startsWith(network?.url ?? "") && !url.startsWith("blob:"))).toEqual([]);
		}
	});
	return {
		get network() {
			if (network === undefined) throw new Error("the network is not up yet");
			return network;
		},
		async person(options = {}) {
			if (browser === undefined) throw new Error("the browser is not open yet");
			const someone = await openPerson(browser, options);
			people.push(someone);
			return someone;
		},
	};
}
