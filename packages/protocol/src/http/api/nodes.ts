/** Who offers a role, and the word that they are there. */
import type { Hex } from "../../bytes/bytes.js";
import type { Decimal } from "./values.js";

/** `GET /v1/nodes` */
export interface NodesBody {
	readonly nodes: readonly {
		readonly operator: Hex;
		readonly roles: readonly ("inference" | "gateway" | "storage" | "oracle")[];
		readonly endpoint: string;
		readonly nodeFee: Decimal;
		readonly bond: Decimal;
		/** Calls that its lines were paid for, and its part of them: a node's fees, a gateway's fees less the protocol's. */
		readonly calls: number;
		readonly earned: Decimal;
		readonly heartbeats: readonly {
			readonly role: string;
			readonly endpoint: string;
			readonly releases: number;
			readonly sentAt: number;
			readonly alive: boolean;
		}[];
	}[];
}

/** `POST /v1/heartbeats` at a hub: signed by the operator's key over the canonical text of `heartbeat` (EIP-191). */
export interface HeartbeatBody {
	readonly heartbeat: {
		readonly operator: Hex;
		readonly role: "inference" | "gateway" | "storage";
		readonly endpoint: string;
		readonly releases: readonly Hex[];
		readonly sentAt: number;
	};
	readonly signature: Hex;
}
