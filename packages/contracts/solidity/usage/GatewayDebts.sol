// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {INodeRegistry} from "../interfaces/INodeRegistry.sol";
import {IRoyalties} from "../interfaces/IRoyalties.sol";
import {PriceVersion} from "../ModelTypes.sol";
import {Payout} from "../Payout.sol";
import {BatchTree} from "./BatchTree.sol";
import {EvidenceHash} from "./EvidenceHash.sol";
import {UsageStore} from "./UsageStore.sol";
import {Batch, Line, Order, Receipt, Refund, Sums, SumStep} from "./UsageTypes.sol";

/// @title Calls that were never anchored
/// @notice An order and its receipt that no batch holds are their gateway's debt to owner and node. Nobody can prove that a leaf is in
/// no batch, so a report waits a day for an answer that shows the leaf; anyone may give it. A node should refuse orders whose deadline
/// is more than `MAX_ORDER_SECONDS` away: they could not be reported.
abstract contract GatewayDebts is UsageStore {
    /// @notice Part of a penalty that goes to whoever reported the fault. A fifth, so that reporting oneself never pays.
    uint16 public constant REPORTER_BPS = 2_000;
    /// @notice Earliest report of a call that is not anchored, after its order's deadline.
    uint64 public constant DEBT_DELAY = 5 minutes;
    /// @notice Latest report after the deadline. It bounds how long a key that was stolen and revoked can harm.
    uint64 public constant DEBT_WINDOW = 1 days;
    /// @notice Time to show that a reported call was anchored.
    uint64 public constant ANSWER_WINDOW = 1 days;
    /// @notice Longest time from the start of a run to its order's deadline.
    uint64 public constant MAX_ORDER_SECONDS = 1 hours;

    uint8 public constant DEBT_NONE = 0;
    uint8 public constant DEBT_OPEN = 1;
    uint8 public constant DEBT_ANSWERED = 2;
    uint8 public constant DEBT_PAID = 3;

    event DebtOpened(
        bytes32 indexed order, address indexed gateway, address indexed reporter, uint256 ownerAmount, uint256 nodeFee
    );
    /// @notice The call had been anchored; `late`: only after it was reported, so the penalty was due.
    event DebtAnswered(bytes32 indexed order, address indexed gateway, uint64 seq, bool late);
    event DebtPaid(
        bytes32 indexed order,
        address indexed gateway,
        uint256 ownerAmount,
        uint256 nodeFee,
        uint256 reporterAmount,
        uint256 treasuryAmount
    );

    error DebtExists(bytes32 order);
    error DebtNotOpen(bytes32 order);
    error TooEarly(uint256 from);
    error TooLate(uint256 until);
    error InvalidSignature(string signer);
    error ChargeMismatch(uint256 charged, uint256 due);
    error UnknownPrice(bytes32 release, uint32 version);
    error BatchMissing(address gateway, uint64 seq);

    function debtOf(bytes32 order) external view returns (Debt memory) {
        return _debts[order];
    }

    /// @notice Reports a call that its gateway ordered, its node answered, and no batch holds. What it owes to owner and node, and the
    /// penalty, are locked in the gateway's bond. Each order can be reported once, so it is paid from the bond at most once.
    function claimUnanchored(
        Order calldata order,
        bytes calldata orderSignature,
        Receipt calldata receipt,
        bytes calldata receiptSignature
    ) external returns (bytes32 digest) {
        digest = orderDigest(order);
        if (_debts[digest].status != DEBT_NONE) revert DebtExists(digest);
        if (receipt.order != digest) revert OrderMismatch();
        _checkTimes(order, receipt);
        bytes32 receiptHash = receiptDigest(receipt);
        _checkSigner("gateway", order.gateway, digest, orderSignature, receipt.startedAt);
        _checkSigner("node", order.node, receiptHash, receiptSignature, receipt.finishedAt);

        uint256 ownerAmount = _dueToOwner(order, receipt);
        uint256 penalty = ((ownerAmount + order.nodeFee) * penaltyBps) / BASIS_POINTS;
        _debts[digest] = Debt({
            gateway: order.gateway,
            openedAt: uint64(block.timestamp),
            status: DEBT_OPEN,
            node: order.node,
            reporter: msg.sender,
            release: order.release,
            receipt: receiptHash,
            ownerAmount: ownerAmount,
            nodeFee: order.nodeFee,
            penalty: penalty,
            locked: INodeRegistry(Addresses.NODE_REGISTRY).lock(order.gateway, ownerAmount + order.nodeFee + penalty)
        });
        emit DebtOpened(digest, order.gateway, msg.sender, ownerAmount, order.nodeFee);
    }

    /// @notice Shows that a reported call stands in an anchored batch. Anyone may answer for the gateway. If the batch is younger than
    /// the report, owner and node have been paid by it, and the penalty alone is taken.
    /// @param lines All lines of the batch; `index` is the one with the call.
    function answerUnanchored(
        bytes32 order,
        uint64 seq,
        Line[] calldata lines,
        Refund[] calldata refunds,
        uint256 index,
        Sums calldata leaf,
        SumStep[] calldata steps
    ) external {
        Debt storage debt = _openDebt(order);
        Batch storage anchored = _batches[debt.gateway][seq];
        if (anchored.root == bytes32(0)) revert BatchMissing(debt.gateway, seq);
        if (anchored.root != BatchTree.rootOf(lines, refunds)) revert RootMismatch(anchored.root, BatchTree.rootOf(lines, refunds));
        if (leaf.calls != 1 || !BatchTree.contains(lines[index], debt.receipt, leaf, steps)) revert LeafNotInLine();
        debt.status = DEBT_ANSWERED;
        bool late = anchored.timestamp > debt.openedAt;
        emit DebtAnswered(order, debt.gateway, seq, late);
        uint256 penalty = late ? _least(debt.penalty, debt.locked) : 0;
        INodeRegistry(Addresses.NODE_REGISTRY).unlock(debt.gateway, debt.locked - penalty);
        _settleDebt(order, debt, 0, 0, penalty);
    }

    /// @notice Pays a report that stayed unanswered: owner first, then node, then the penalty, as far as the locked bond reaches.
    function payUnanchored(bytes32 order) external {
        Debt storage debt = _openDebt(order);
        uint256 from = debt.openedAt + ANSWER_WINDOW;
        if (block.timestamp < from) revert TooEarly(from);
        debt.status = DEBT_PAID;
        uint256 left = debt.locked;
        uint256 owner = _least(debt.ownerAmount, left);
        left -= owner;
        uint256 node = _least(debt.nodeFee, left);
        _settleDebt(order, debt, owner, node, left - node);
    }

    function _openDebt(bytes32 order) private view returns (Debt storage debt) {
        debt = _debts[order];
        if (debt.status != DEBT_OPEN) revert DebtNotOpen(order);
    }

    /// @dev Slashes what is paid and hands it out: owner through `Royalties`, node, reporter, treasury.
    function _settleDebt(bytes32 order, Debt storage debt, uint256 owner, uint256 node, uint256 penalty) private {
        uint256 total = owner + node + penalty;
        if (total == 0) return;
        INodeRegistry(Addresses.NODE_REGISTRY).slash(debt.gateway, total, order);
        uint256 toReporter = (penalty * REPORTER_BPS) / BASIS_POINTS;
        credit[debt.node] += node;
        credit[debt.reporter] += toReporter;
        credit[Addresses.TREASURY] += penalty - toReporter;
        if (owner != 0) {
            Payout.send(Addresses.ROYALTIES, owner);
            IRoyalties(Addresses.ROYALTIES).book(debt.release, owner);
        }
        emit DebtPaid(order, debt.gateway, owner, node, toReporter, penalty - toReporter);
    }

    /// @dev Orders carry milliseconds, blocks seconds.
    function _checkTimes(Order calldata order, Receipt calldata receipt) private view {
        uint256 deadline = order.deadline / 1000;
        if (block.timestamp < deadline + DEBT_DELAY) revert TooEarly(deadline + DEBT_DELAY);
        if (block.timestamp > deadline + DEBT_WINDOW) revert TooLate(deadline + DEBT_WINDOW);
        if (
            receipt.startedAt > receipt.finishedAt || receipt.finishedAt > order.deadline
                || order.deadline - receipt.startedAt > uint256(MAX_ORDER_SECONDS) * 1000
        ) revert OrderMismatch();
    }

    function _checkSigner(
        string memory role,
        address operator,
        bytes32 digest,
        bytes calldata signature,
        uint64 timeMs
    ) private view {
        address key = EvidenceHash.recover(digest, signature);
        bool ok = key != address(0)
            && INodeRegistry(Addresses.NODE_REGISTRY).isKeyValid(operator, key, timeMs / 1000);
        if (!ok) revert InvalidSignature(role);
    }

    /// @dev The receipt must charge what the order allows: neither side can enlarge the debt.
    function _dueToOwner(Order calldata order, Receipt calldata receipt) private view returns (uint256 ownerAmount) {
        if (receipt.inputUnits > order.maxInputUnits || receipt.outputUnits > order.maxOutputUnits) revert OrderMismatch();
        (PriceVersion memory price,) = _price(order.release, order.priceVersion);
        if (price.validFrom == 0) revert UnknownPrice(order.release, order.priceVersion);
        ownerAmount = _ownerAmount(price, 1, receipt.inputUnits, receipt.outputUnits);
        uint256 due = ownerAmount + order.nodeFee + order.gatewayFee;
        if (receipt.charge != due) revert ChargeMismatch(receipt.charge, due);
    }
}
