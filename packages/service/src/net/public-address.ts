/**
 * Which addresses belong to the public internet. An address that a stranger names (an operator's endpoint) must not make a program ask its own machine, its network or a
 * cloud's metadata service. Ranges: IANA special-purpose address registries (RFC 6890).
 */
import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** What a refusal says. */
export const PRIVATE = "its address is not a public one";

/** Apart: a list takes IPv4 addresses for the IPv6 ones that map them. */
const special = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [net, prefix] of [
	["0.0.0.0", 8],
	["10.0.0.0", 8],
	["100.64.0.0", 10],
	["127.0.0.0", 8],
	["169.254.0.0", 16],
	["172.16.0.0", 12],
	["192.0.0.0", 24],
	["192.0.2.0", 24],
	["192.88.99.0", 24],
	["192.168.0.0", 16],
	["198.18.0.0", 15],
	["198.51.100.0", 24],
	["203.0.113.0", 24],
	["224.0.0.0", 3],
] as const)
	special.ipv4.addSubnet(net, prefix, "ipv4");
/** Everything but 2000::/3, and in it what wraps IPv4 or is for documentation. */
for (const [net, prefix] of [
	["::", 3],
	["4000::", 2],
	["8000::", 1],
	["2001::", 23],
	["2001:db8::", 32],
	["2002::", 16],
	["3fff::", 20],
] as const)
	special.ipv6.addSubnet(net, prefix, "ipv6");

/** True for an IP address that is not of the public internet. */
export function isPrivateAddress(address: string): boolean {
	const family = isIP(address);
	if (family === 0) return true;
	return family === 4 ? special.ipv4.check(address, "ipv4") : special.ipv6.check(address, "ipv6");
}

/** True for a host of a URL that is such an address itself; names are judged when they are looked up. */
export function isPrivateHost(hostname: string): boolean {
	const bare = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
	return isIP(bare) !== 0 && isPrivateAddress(bare);
}

/** Looks a name up and refuses it with `EPRIVATE` when any of its addresses is not public. The connection goes to what was judged, so a name cannot change in between. */
export const publicLookup: LookupFunction = (hostname: string, options: LookupOptions, callback): void => {
	lookup(hostname, { ...options, all: true }, (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => {
		const [first] = addresses ?? [];
		if (error !== null || first === undefined) {
			callback(error ?? Object.assign(new Error(`${hostname} has no address`), { code: "ENOTFOUND" }), "", 4);
			return;
		}
		if (addresses.some(({ address }) => isPrivateAddress(address))) {
			callback(Object.assign(new Error(PRIVATE), { code: "EPRIVATE" }), "", 4);
			return;
		}
		if (options.all === true) callback(null, addresses);
		else callback(null, first.address, first.family);
	});
};
