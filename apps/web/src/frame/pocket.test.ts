import { describe, expect, it } from "vitest";
import { pocketOf } from "./pocket.js";

const room = (label: string, group: "use" | "own" | "self", pocket: boolean) => ({ label, group, pocket });
const now = [
	room("Home", "use", true),
	room("Models", "use", true),
	room("Verify", "use", true),
	room("Publish", "own", true),
	room("Earnings", "own", true),
	room("Account", "self", false),
];
const later = [room("Chat", "use", true), room("Explorer", "use", false), room("Wallet", "self", false)];
const labels = (of: readonly { readonly label: string }[]) => of.map(({ label }) => label);

describe("the bar of a phone", () => {
	it("shows the rooms that are wanted there while they fit; the account is at the top", () =>
		expect([labels(pocketOf(now).shown), pocketOf(now).more]).toEqual([["Home", "Models", "Verify", "Publish", "Earnings"], []]));

	it("keeps four and puts all others behind one place when there are more", () => {
		const { shown, more } = pocketOf([...now, ...later]);
		expect(labels(shown)).toEqual(["Home", "Models", "Verify", "Publish"]);
		expect(labels(more)).toEqual(["Earnings", "Account", "Chat", "Explorer", "Wallet"]);
	});

	it("loses no room that is not wanted in it", () => expect(labels(pocketOf([...now, ...later.slice(1, 2)]).more)).toContain("Explorer"));
});
