// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Addresses} from "./Addresses.sol";
import {Payout} from "./Payout.sol";
import {Possession} from "./validators/Possession.sol";
import {Stakes} from "./validators/Stakes.sol";

/// @title ValidatorSet
/// @notice Who may order blocks: whoever bonds. The ledger reads the candidates at the end of each epoch, works out the next set (never empty, at
/// most a third of the power moves), keeps it here and hands it to the consensus engine. Faults come from the engine's evidence, by the protocol's
/// own calls. Closed on a network of one sequencer.
contract ValidatorSet is Stakes {
    /// @notice As many candidates as validators: the largest. One that is pushed out keeps its bond and may come back with more.
    uint256 public constant MAX_VALIDATORS = 100;
    /// @notice One unit of power: stake is counted in whole OPG.
    uint256 public constant POWER_UNIT = 1 ether;
    /// @dev After a proven double signature.
    uint64 private constant FOR_EVER = type(uint64).max;

    /// @dev One slot that the ledger looks at in each block. `endsAt`: Unix seconds, 0 while the set is closed. `windowFrom`: EVM block from which
    /// absence is counted.
    struct Epoch {
        uint64 endsAt;
        uint64 windowFrom;
        uint64 number;
        uint32 size;
    }

    /// @dev Least stake of an operator in itself (smallest unit); seconds of an epoch and of jail; blocks over which absence is judged; part that a
    /// double signature costs.
    struct Rules {
        uint128 minSelfBond;
        uint32 epochSeconds;
        uint32 jailSeconds;
        uint32 attendanceBlocks;
        uint16 equivocationBps;
    }

    Epoch private _epoch;
    Rules private _rules = Rules(1_000 ether, 1 hours, 10 minutes, 1_000, 500);
    /// @dev Rewards that could not be divided yet.
    uint256 private _carry;
    address[] private _candidates;
    /// @dev Those whose powers the engine has been told last.
    address[] private _active;
    /// @notice Whose key it is, by its address in consensus. Written once: a key belongs to one operator for ever.
    mapping(address consensusAddress => address operator) public operatorOf;

    event Bonded(address indexed operator, bytes32 indexed publicKey, uint16 commissionBps);
    event Unjailed(address indexed operator);
    event RulesSet(Rules rules);

    error Closed();
    error AlreadyBonded(address operator);
    error KeyTaken(bytes32 publicKey);
    error SelfBondTooSmall(uint256 bond, uint256 least);
    error NotJailed(address operator);
    error JailedUntil(uint64 time);
    error NotSystem(address caller);
    error NotGovernor(address caller);
    error OutOfBounds(string parameter, uint256 least, uint256 most);

    // ── joining ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Bonds the caller as a validator with `amount` OPG of its own, approved before.
    /// @param publicKey Ed25519 key that signs its votes.
    /// @param possession The key's signature over `possessionMessage(caller)`, 64 bytes.
    /// @param commissionBps What it keeps of its delegators' rewards.
    function bond(bytes32 publicKey, bytes calldata possession, uint16 commissionBps, uint128 amount) external {
        if (_epoch.endsAt == 0) revert Closed();
        Validator storage validator = _validators[msg.sender];
        if (validator.publicKey != 0) revert AlreadyBonded(msg.sender);
        if (commissionBps > MAX_COMMISSION_BPS) revert InvalidCommission(commissionBps);
        if (amount < _rules.minSelfBond) revert SelfBondTooSmall(amount, _rules.minSelfBond);
        Possession.check(publicKey, possession, msg.sender);
        address key = Possession.consensusAddress(publicKey);
        if (operatorOf[key] != address(0)) revert KeyTaken(publicKey);
        operatorOf[key] = msg.sender;
        validator.publicKey = publicKey;
        validator.commissionBps = commissionBps;
        validator.commissionSetAt = uint64(block.timestamp);
        emit Bonded(msg.sender, publicKey, commissionBps);
        _delegate(msg.sender, msg.sender, amount);
    }

    /// @notice Ends the caller's jail once its time has passed and enough of its own is bonded.
    function unjail() external {
        Validator storage validator = _validators[msg.sender];
        if (validator.jailedUntil == 0) revert NotJailed(msg.sender);
        if (block.timestamp < validator.jailedUntil) revert JailedUntil(validator.jailedUntil);
        uint256 own = stakeOf(msg.sender, msg.sender);
        if (own < _rules.minSelfBond) revert SelfBondTooSmall(own, _rules.minSelfBond);
        validator.jailedUntil = 0;
        emit Unjailed(msg.sender);
        _stakeChanged(msg.sender);
    }

    // ── the protocol's own calls ────────────────────────────────────────────────────────────────────────────────────

    /// @notice Opens the set, at genesis.
    function open() external {
        _onlySystem();
        _epoch.endsAt = uint64(block.timestamp) + _rules.epochSeconds;
    }

    /// @notice What the engine says of the last blocks: who signed two (slashed and out for ever), and who did not sign the last one.
    function report(address[] calldata equivocators, address[] calldata absent) external {
        _onlySystem();
        for (uint256 index = 0; index < equivocators.length; index++) {
            address operator = operatorOf[equivocators[index]];
            Validator storage validator = _validators[operator];
            if (operator == address(0) || validator.jailedUntil == FOR_EVER) continue;
            validator.jailedUntil = FOR_EVER;
            _slash(operator, _rules.equivocationBps);
            _stakeChanged(operator);
        }
        for (uint256 index = 0; index < absent.length; index++) {
            address operator = operatorOf[absent[index]];
            if (operator != address(0)) _validators[operator].missed += 1;
        }
    }

    /// @notice Pays the epoch's rewards, jails who was away for more than half of the blocks, and gives the set as it was told last beside the one that
    /// the candidates make.
    function endEpoch()
        external
        returns (bytes32[] memory lastKeys, uint64[] memory lastPowers, bytes32[] memory keys, uint64[] memory powers)
    {
        _onlySystem();
        _divideRewards();
        _judgeAttendance();
        (lastKeys, lastPowers) = activeSet();
        (keys, powers) = candidates();
    }

    /// @notice Keeps the set that the engine is told, and begins the next epoch.
    function setActive(bytes32[] calldata keys, uint64[] calldata powers) external {
        _onlySystem();
        for (uint256 index = 0; index < _active.length; index++) _validators[_active[index]].power = 0;
        delete _active;
        for (uint256 index = 0; index < keys.length; index++) {
            address operator = operatorOf[Possession.consensusAddress(keys[index])];
            _validators[operator].power = powers[index];
            _active.push(operator);
        }
        uint64 endsAt = uint64(block.timestamp) + _rules.epochSeconds;
        (_epoch.endsAt, _epoch.size, _epoch.number) = (endsAt, uint32(keys.length), _epoch.number + 1);
    }

    // ── governance ──────────────────────────────────────────────────────────────────────────────────────────────────

    function setRules(Rules calldata rules) external {
        if (msg.sender != Addresses.TREASURY) revert NotGovernor(msg.sender);
        _within("minSelfBond", rules.minSelfBond, 1 ether, 10_000_000 ether);
        _within("epochSeconds", rules.epochSeconds, 5, 1 days);
        _within("jailSeconds", rules.jailSeconds, 5, 30 days);
        _within("attendanceBlocks", rules.attendanceBlocks, 10, 1_000_000);
        _within("equivocationBps", rules.equivocationBps, 100, 5_000);
        _rules = rules;
        emit RulesSet(rules);
    }

    // ── views ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice What a consensus key has to sign for an operator.
    function possessionMessage(address operator) external view returns (bytes memory) {
        return Possession.message(operator);
    }

    function validatorOf(address operator) external view returns (Validator memory) {
        return _validators[operator];
    }

    function currentRules() external view returns (Rules memory) {
        return _rules;
    }

    function currentEpoch() external view returns (Epoch memory) {
        return _epoch;
    }

    /// @notice Operators of the set that the engine was told last.
    function activeOperators() external view returns (address[] memory) {
        return _active;
    }

    /// @notice Operators that the next epoch may take.
    function candidateOperators() external view returns (address[] memory) {
        return _candidates;
    }

    function activeSet() public view returns (bytes32[] memory keys, uint64[] memory powers) {
        (keys, powers) = (new bytes32[](_active.length), new uint64[](_active.length));
        for (uint256 index = 0; index < keys.length; index++) {
            Validator storage validator = _validators[_active[index]];
            (keys[index], powers[index]) = (validator.publicKey, validator.power);
        }
    }

    /// @notice Keys of those who may vote, and the power that their stake gives.
    function candidates() public view returns (bytes32[] memory keys, uint64[] memory powers) {
        (keys, powers) = (new bytes32[](_candidates.length), new uint64[](_candidates.length));
        for (uint256 index = 0; index < keys.length; index++) {
            Validator storage validator = _validators[_candidates[index]];
            bool fits = stakeOf(_candidates[index], _candidates[index]) >= _rules.minSelfBond;
            (keys[index], powers[index]) = (validator.publicKey, fits ? uint64(validator.active.tokens / POWER_UNIT) : 0);
        }
    }

    // ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @dev A candidate is not jailed and has enough of its own at stake. Where the list is full, the largest stand in it.
    function _stakeChanged(address operator) internal override {
        Validator storage validator = _validators[operator];
        bool fits = validator.jailedUntil == 0 && stakeOf(operator, operator) >= _rules.minSelfBond;
        if (fits == (validator.place != 0)) return;
        if (!fits) return _strike(operator);
        if (_candidates.length == MAX_VALIDATORS) {
            address smallest = _candidates[0];
            for (uint256 index = 1; index < MAX_VALIDATORS; index++) {
                if (_validators[_candidates[index]].active.tokens < _validators[smallest].active.tokens) smallest = _candidates[index];
            }
            if (_validators[smallest].active.tokens >= validator.active.tokens) return;
            _strike(smallest);
        }
        _candidates.push(operator);
        validator.place = uint16(_candidates.length);
    }

    function _strike(address operator) private {
        uint16 place = _validators[operator].place;
        address last = _candidates[_candidates.length - 1];
        _candidates[place - 1] = last;
        _validators[last].place = place;
        _candidates.pop();
        _validators[operator].place = 0;
    }

    /// @dev By power, among those who were in the set. What does not divide waits for the next epoch.
    function _divideRewards() private {
        uint256 pool = IERC20(Addresses.OPG).balanceOf(Addresses.REWARD_POOL);
        if (pool > 0) Payout.collect(Addresses.REWARD_POOL, pool);
        uint256 amount = pool + _carry;
        uint256 total = 0;
        for (uint256 index = 0; index < _active.length; index++) total += _validators[_active[index]].power;
        uint256 divided = 0;
        for (uint256 index = 0; index < _active.length; index++) {
            // Who signed two blocks earns nothing any more.
            if (_validators[_active[index]].jailedUntil == FOR_EVER) continue;
            divided += _reward(_active[index], (amount * _validators[_active[index]].power) / total);
        }
        _carry = amount - divided;
    }

    function _judgeAttendance() private {
        uint256 blocks = block.number - _epoch.windowFrom;
        if (blocks < _rules.attendanceBlocks) return;
        _epoch.windowFrom = uint64(block.number);
        for (uint256 index = 0; index < _active.length; index++) {
            Validator storage validator = _validators[_active[index]];
            uint256 missed = validator.missed;
            validator.missed = 0;
            if (missed * 2 <= blocks || validator.jailedUntil != 0) continue;
            validator.jailedUntil = uint64(block.timestamp) + _rules.jailSeconds;
            _stakeChanged(_active[index]);
        }
    }

    function _within(string memory parameter, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert OutOfBounds(parameter, least, most);
    }

    function _onlySystem() private view {
        if (msg.sender != Addresses.SYSTEM) revert NotSystem(msg.sender);
    }
}
