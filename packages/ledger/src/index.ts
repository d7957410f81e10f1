export { LedgerApplication } from "./application/application.js";
export type * from "./application/types.js";
export { ENGINE_VERSION, findEngine, provideEngine } from "./engine/binary.js";
export {
	type EngineGenesis,
	engineGenesis,
	joinBySnapshot,
	type Pace,
	prepareHome,
	readValidatorKey,
	type ValidatorIdentity,
	writeGenesis,
} from "./engine/home.js";
export { openStateMachine, type StateMachineOptions } from "./execution/execution.js";
export type * from "./execution/types.js";
export { type GenesisFile, parseGenesisFile } from "./genesis/genesis-file.js";
export { defaultStakingRules, type GenesisValidator, possessionMessage, type StakingRules } from "./genesis/genesis-validators.js";
export { LEDGER_VERSION, ledgerProgram } from "./program.js";
export { type MethodEntry, rpcMethodTable } from "./rpc/method-table.js";
