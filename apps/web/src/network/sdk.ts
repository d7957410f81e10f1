/** Loaded on demand: the SDK, and what signs. */
import type { NetworkFile } from "@freehold/protocol";
import { connect, type Freehold, type Lane, type LaneStore, readLane, writeLane } from "@freehold/sdk";
import type { Session } from "../account/session.js";
import { signerOf } from "../account/signer.js";
import { uploadFetch } from "./upload-fetch.js";

export function open(network: NetworkFile, session: Session, lanes: (codec: { read(text: string): Lane; write(lane: Lane): string }) => LaneStore): Freehold {
	const account = signerOf(session, network.chainId);
	return connect({ network, ...(account === undefined ? {} : { account }), lanes: lanes({ read: readLane, write: writeLane }), fetch: uploadFetch });
}
