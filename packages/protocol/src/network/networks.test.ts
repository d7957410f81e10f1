import { getAddress } from "viem";
import { describe, expect, it } from "vitest";
import { gatewayRoutes, hubRoutes, nodeRoutes, storageRoutes } from "../http/routes.js";
import { contractAddresses, networkOf, networks, systemAddresses } from "./networks.js";

describe("networks", () => {
	it("have one id each, in the EVM and in consensus, and only local ones are for development", () => {
		expect(new Set(networks.map(({ chainId }) => chainId)).size).toBe(networks.length);
		for (const { chainId, consensusChainId } of networks) expect(consensusChainId).toBe(`freehold-${chainId}`);
		expect(networkOf(10740)?.development).toBe(false);
		expect(networkOf(10741)?.development).toBe(true);
		expect(networkOf(1)).toBeUndefined();
	});

	it("have their contracts at different addresses, in lower case", () => {
		const addresses = [...Object.values(contractAddresses), ...Object.values(systemAddresses)];
		expect(new Set(addresses).size).toBe(addresses.length);
		for (const address of addresses) expect(getAddress(address).toLowerCase()).toBe(address);
		expect(Buffer.from(contractAddresses.OPG.slice(2, 8), "hex").toString()).toBe("OPG");
	});
});

it("no program has two routes with one method and path", () => {
	for (const routes of [gatewayRoutes, hubRoutes, nodeRoutes, storageRoutes]) {
		const names = Object.values(routes).map(({ method, path }) => `${method} ${path}`);
		expect(new Set(names).size).toBe(names.length);
	}
});
