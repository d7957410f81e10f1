/** Application and sequencer without HTTP, on a folder of their own and a clock that the test moves. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex, lightBlockShape, systemAddresses, utf8 } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { LedgerApplication } from "../src/application/application.js";
import { openStateMachine } from "../src/execution/execution.js";
import { ConsensusStore } from "../src/sequencer/consensus-store.js";
import { Sequencer } from "../src/sequencer/sequencer.js";
import { signingKey } from "../src/sequencer/signing-key.js";
import type { LightBlockJson } from "./independent-light-client.js";
import { CHAIN_ID, developers, funded, GENESIS_TIME } from "./local-ledger.js";

export const KEY = signingKey(new Uint8Array(32).fill(7));
export const CONSENSUS_CHAIN_ID = `freehold-${CHAIN_ID}`;
const TIME = { seconds: BigInt(GENESIS_TIME), nanos: 0 };

export const initRequest = {
	chainId: CONSENSUS_CHAIN_ID,
	time: TIME,
	validators: [{ publicKey: KEY.publicKey, power: 1n }],
	appState: utf8(JSON.stringify({ chainId: CHAIN_ID, timestamp: GENESIS_TIME, balances: funded(developers) })),
};

export async function openApplication(clock: { now: number } = { now: GENESIS_TIME * 1000 }) {
	const dir = await mkdtemp(join(tmpdir(), "freehold-app-"));
	const state = openStateMachine({ dir });
	const application = new LedgerApplication(
		{ chainId: BigInt(CHAIN_ID), feeRecipient: fromHex(systemAddresses.rewardPool) },
		{ state, crypto: nativeCrypto, now: () => clock.now },
	);
	return {
		dir,
		state,
		application,
		clock,
		close: async () => {
			await state.close();
			await rm(dir, { recursive: true });
		},
	};
}

export async function openSequencer(clock?: { now: number }) {
	const opened = await openApplication(clock);
	opened.application.initChain(initRequest);
	const store = new ConsensusStore(opened.state);
	const faults: unknown[] = [];
	let made = 0;
	const sequencer = new Sequencer(
		{ chainId: CONSENSUS_CHAIN_ID, blockIntervalMs: 1, genesisTime: TIME },
		{
			application: opened.application,
			store,
			key: KEY,
			hashes: nativeCrypto,
			now: () => opened.clock.now,
			ticks: () => performance.now(),
			crashPoint: () => undefined,
			events: { blockMade: () => made++, blockFailed: (error) => faults.push(error), stopped: (error) => faults.push(error) },
		},
	);
	const light = (height: bigint | number): LightBlockJson | undefined => {
		const block = store.lightBlock(BigInt(height), sequencer.validators);
		return block === undefined ? undefined : (lightBlockShape.write(block) as LightBlockJson);
	};
	return { ...opened, store, sequencer, faults, made: () => made, light };
}
