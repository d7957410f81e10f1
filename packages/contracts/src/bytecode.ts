/** Creation code and the genesis plan: which contract runs its constructor at which address, and who holds the supply. */
export { creationCode } from "./generated/bytecode.js";
export type { GenesisAllocation, GenesisDeployment, GenesisOptions, SupplyShare } from "./genesis/genesis.js";
export { genesisAddresses, genesisAllocations, genesisDeployments, supplyTable, TOTAL_SUPPLY } from "./genesis/genesis.js";
