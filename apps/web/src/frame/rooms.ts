/** The rooms of the page. A further room (chat, explorer, nodes, wallet) is one more line here and one route in `routes.tsx`. */
import type { IconName } from "../design/icon.js";

export interface Room {
	readonly path: "/" | "/models" | "/publish" | "/verify" | "/earnings" | "/account";
	readonly label: string;
	readonly icon: IconName;
	/** What one does there, for the rail's groups. */
	readonly group: "use" | "own" | "self";
	/** Among the few that a phone shows at the bottom. */
	readonly pocket: boolean;
}

export const rooms: readonly Room[] = [
	{ path: "/", label: "Home", icon: "home", group: "use", pocket: true },
	{ path: "/models", label: "Models", icon: "models", group: "use", pocket: true },
	{ path: "/verify", label: "Verify", icon: "verify", group: "use", pocket: true },
	{ path: "/publish", label: "Publish", icon: "publish", group: "own", pocket: true },
	{ path: "/earnings", label: "Earnings", icon: "earnings", group: "own", pocket: true },
	{ path: "/account", label: "Account", icon: "account", group: "self", pocket: false },
];
