/**
 * The rooms of the page. A further one (explorer, nodes, wallet) is one line here and one route in `routes.tsx`: rail and phone bar make place for it.
 * The order is the order in both.
 */
import type { IconName } from "../design/icon.js";

export interface Room {
	readonly path: string;
	readonly label: string;
	readonly icon: IconName;
	/** What one does there, for the rail's groups. */
	readonly group: "use" | "own" | "self";
	/** Wanted among the few that a phone shows at the bottom, as long as there is place. The account has a place of its own at the top. */
	readonly pocket: boolean;
}

export const rooms = [
	{ path: "/", label: "Home", icon: "home", group: "use", pocket: true },
	{ path: "/models", label: "Models", icon: "models", group: "use", pocket: true },
	{ path: "/chat", label: "Chat", icon: "chat", group: "use", pocket: true },
	{ path: "/verify", label: "Verify", icon: "verify", group: "use", pocket: true },
	{ path: "/publish", label: "Publish", icon: "publish", group: "own", pocket: true },
	{ path: "/earnings", label: "Earnings", icon: "earnings", group: "own", pocket: true },
	{ path: "/keys", label: "API keys", icon: "keys", group: "self", pocket: false },
	{ path: "/account", label: "Account", icon: "account", group: "self", pocket: false },
] as const satisfies readonly Room[];
