// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Addresses} from "./Addresses.sol";
import {BatchTree} from "./BatchTree.sol";
import {EvidenceHash} from "./EvidenceHash.sol";
import {IChannels, VoucherClaim} from "./interfaces/IChannels.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IRoyalties} from "./interfaces/IRoyalties.sol";
import {PriceVersion} from "./ModelTypes.sol";
import {Payout} from "./Payout.sol";
import {Till} from "./Till.sol";
import {Batch, Line, Order, Receipt, Refund, Sums, SumStep, Usage} from "./UsageTypes.sol";

/// @title UsageLedger
/// @notice Every payment for inference ends here and is split here. A gateway anchors batches of calls; the owner's amount comes from
/// the registry's price, not from the gateway's arithmetic, and payees get credit that they take out themselves. Nothing here can be
/// paused, upgraded or redirected; governance may set two rates inside fixed bounds.
contract UsageLedger is EIP712 {
    uint256 private constant BASIS_POINTS = 10_000;
    uint256 public constant MAX_LINES = 256;
    uint256 public constant MAX_REFUNDS = 256;
    uint256 public constant MAX_CLAIMS = 256;
    /// @notice How long after its end a price or a release may still be charged: a quote's 5 minutes and an hour to anchor.
    uint64 public constant ANCHOR_GRACE = 5 minutes + 1 hours;
    uint16 public constant MAX_PROTOCOL_FEE_BPS = 500;
    uint16 public constant MAX_PENALTY_BPS = 10_000;
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
    uint8 private constant ROLE_GATEWAY = 2;

    /// @notice Why a line was held.
    uint8 public constant HELD_UNKNOWN_PRICE = 1;
    uint8 public constant HELD_PRICE_NOT_IN_FORCE = 2;
    uint8 public constant HELD_PRICE_ENDED = 3;
    uint8 public constant HELD_RELEASE_RETIRED = 4;
    uint8 public constant HELD_NO_NODE = 5;
    uint8 public constant HELD_NO_CALLS = 6;

    uint8 public constant DEBT_NONE = 0;
    uint8 public constant DEBT_OPEN = 1;
    uint8 public constant DEBT_ANSWERED = 2;
    uint8 public constant DEBT_PAID = 3;

    /// @notice The money of an inadmissible line, until its payers have taken it. `priced`: the owner's part is in it.
    struct Held {
        bytes32 lineHash;
        uint248 amount;
        bool priced;
    }

    /// @notice A call that its gateway is said to have kept for itself.
    struct Debt {
        address gateway;
        uint64 openedAt;
        uint8 status;
        address node;
        address reporter;
        bytes32 release;
        bytes32 receipt;
        uint256 ownerAmount;
        uint256 nodeFee;
        uint256 penalty;
        uint256 locked;
    }

    /// @dev Slots 0 and 1 hold EIP-712's fallback strings (empty here). See `layout.ts`.
    mapping(address gateway => mapping(uint64 seq => Batch)) private _batches;
    mapping(address gateway => uint64) private _lastSeq;
    /// @notice Protocol fee in basis points of the charge, never above `MAX_PROTOCOL_FEE_BPS` nor above the gateway's fee.
    uint16 public protocolFeeBps = 100;
    /// @notice Penalty for a call that is not anchored, in basis points of what it kept from owner and node.
    uint16 public penaltyBps = 5_000;
    /// @notice What an account may take out.
    mapping(address account => uint256) public credit;
    mapping(bytes32 release => Usage) private _usage;
    mapping(address gateway => mapping(uint64 seq => mapping(uint256 index => Held))) private _held;
    mapping(bytes32 heldLeaf => bool) private _heldLeafClaimed;
    mapping(bytes32 order => Debt) private _debts;

    event TillOpened(address indexed gateway, address till);
    event Anchored(address indexed gateway, uint64 indexed seq, bytes32 root, uint256 lines, uint256 refunds, uint256 total);
    event LinePaid(
        address indexed gateway,
        uint64 indexed seq,
        bytes32 indexed release,
        uint256 index,
        uint32 priceVersion,
        address node,
        uint64 calls,
        uint64 inputUnits,
        uint64 outputUnits,
        uint256 ownerAmount,
        uint256 nodeFee,
        uint256 gatewayFee,
        uint256 protocolFee
    );
    event LineHeld(
        address indexed gateway, uint64 indexed seq, bytes32 indexed release, uint256 index, uint256 amount, uint8 reason
    );
    event HeldClaimed(
        address indexed gateway, uint64 indexed seq, uint256 index, bytes32 receipt, address indexed payer, uint256 amount
    );
    event Refunded(address indexed gateway, uint64 indexed seq, address indexed payer, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
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
    event FeeParametersSet(uint16 protocolFeeBps, uint16 penaltyBps);

    error NotGateway(address caller);
    error SeqNotNext(uint64 given, uint64 next);
    error RootMismatch(bytes32 given, bytes32 computed);
    error TooManyLines(uint256 count);
    error TooManyRefunds(uint256 count);
    error TooManyClaims(uint256 count);
    error RefundToNobody();
    /// @notice A claim in the batch is for another receiver or token, or its voucher would need the payer's code to be run.
    error ClaimNotForTill(uint256 index);
    error TillTooSmall(uint256 needed, uint256 held);
    error NothingHeld();
    error LineMismatch();
    error LeafNotInLine();
    error LeafAlreadyClaimed();
    error OrderMismatch();
    error NotThePayer();
    error NothingToWithdraw(address account);
    error NotGovernor(address caller);
    error OutOfBounds(string parameter, uint256 most);
    error DebtExists(bytes32 order);
    error DebtNotOpen(bytes32 order);
    error TooEarly(uint256 from);
    error TooLate(uint256 until);
    error InvalidSignature(string signer);
    error ChargeMismatch(uint256 charged, uint256 due);
    error UnknownPrice(bytes32 release, uint32 version);
    error BatchMissing(address gateway, uint64 seq);

    constructor() EIP712("Freehold", "1") {}

    // ── tills ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Where customers of `gateway` pay, opened or not. Anyone can compute it: CREATE2 from this contract, salt = the
    /// gateway's address as a word, code = `Till`'s.
    function till(address gateway) public view returns (address) {
        bytes32 hash = keccak256(
            abi.encodePacked(
                bytes1(0xff), address(this), bytes32(uint256(uint160(gateway))), keccak256(type(Till).creationCode)
            )
        );
        return address(uint160(uint256(hash)));
    }

    /// @notice Deploys a gateway's till when it is not there yet. Anyone may pay for it; `anchor` does it when needed.
    function openTill(address gateway) public returns (address opened) {
        opened = till(gateway);
        if (opened.code.length != 0) return opened;
        new Till{salt: bytes32(uint256(uint160(gateway)))}();
        emit TillOpened(gateway, opened);
    }

    // ── anchoring ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Number that the gateway's next batch must have; the first is 1.
    function nextSeq(address gateway) public view returns (uint64) {
        return _lastSeq[gateway] + 1;
    }

    /// @notice Root, block and time of an anchored batch; zeros when there is none.
    function batch(address gateway, uint64 seq) external view returns (Batch memory) {
        return _batches[gateway][seq];
    }

    /// @notice Anchors the caller's next batch and splits its money. The claims, where given, are
    /// `abi.encode(VoucherClaim[] claims, bytes batchSignature)`; they and whatever was claimed before are settled into the till, and
    /// exactly the sum of lines and refunds is taken from it. No line can make it revert: money of a line that the registry does not
    /// bear out is held for its payers.
    function anchor(uint64 seq, Line[] calldata lines, Refund[] calldata refunds, bytes calldata claims, bytes32 root)
        external
    {
        if (!INodeRegistry(Addresses.NODE_REGISTRY).hasRole(msg.sender, ROLE_GATEWAY)) revert NotGateway(msg.sender);
        uint64 next = nextSeq(msg.sender);
        if (seq != next) revert SeqNotNext(seq, next);
        if (lines.length > MAX_LINES) revert TooManyLines(lines.length);
        if (refunds.length > MAX_REFUNDS) revert TooManyRefunds(refunds.length);
        bytes32 computed = BatchTree.rootOf(lines, refunds);
        if (computed != root) revert RootMismatch(root, computed);

        _lastSeq[msg.sender] = seq;
        _batches[msg.sender][seq] = Batch(root, uint64(block.number), uint64(block.timestamp));

        address from = openTill(msg.sender);
        _collect(from, claims);

        uint256 total;
        uint256 owners;
        uint256[] memory ownerAmounts = new uint256[](lines.length);
        for (uint256 i; i < lines.length; ++i) {
            uint256 taken;
            (taken, ownerAmounts[i]) = _applyLine(seq, i, lines[i]);
            total += taken;
            owners += ownerAmounts[i];
        }
        for (uint256 i; i < refunds.length; ++i) {
            Refund calldata refund = refunds[i];
            if (refund.payer == address(0)) revert RefundToNobody();
            credit[refund.payer] += refund.amount;
            total += refund.amount;
            emit Refunded(msg.sender, seq, refund.payer, refund.amount);
        }
        _take(from, total);
        _payOwners(lines, ownerAmounts, owners);
        emit Anchored(msg.sender, seq, root, lines.length, refunds.length, total);
    }

    /// @notice Calls, units, gross (charges) and net (owner's amounts, ancestors' shares included) of a release.
    function usageOf(bytes32 release) external view returns (Usage memory) {
        return _usage[release];
    }

    // ── credit ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Pays the caller's credit to `to`.
    function withdraw(address to) external returns (uint256 amount) {
        return _withdraw(msg.sender, to);
    }

    /// @notice Pays an account's credit to that account; anyone may trigger it.
    function withdrawFor(address account) external returns (uint256 amount) {
        return _withdraw(account, account);
    }

    // ── held lines ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice What is left of a held line; zero when it was paid or does not exist.
    function heldAmount(address gateway, uint64 seq, uint256 index) external view returns (uint256) {
        return _held[gateway][seq][index].amount;
    }

    /// @notice Gives a payer what their call put into a held line, once per leaf, as credit. Anyone may send it: the proof names the
    /// payer. The gateway's own anchoring binds the receipt, so no signature is needed.
    /// @param steps Way from the leaf to the line's root.
    /// @param leaf Sums of the leaf.
    /// @param salt With `payer`, opens the order's commitment.
    function claimHeld(
        address gateway,
        uint64 seq,
        uint256 index,
        Line calldata line,
        Sums calldata leaf,
        SumStep[] calldata steps,
        Order calldata order,
        Receipt calldata receipt,
        address payer,
        bytes32 salt
    ) external returns (uint256 amount) {
        Held storage held = _held[gateway][seq][index];
        if (held.lineHash == bytes32(0)) revert NothingHeld();
        if (held.lineHash != BatchTree.hashLine(line)) revert LineMismatch();
        bytes32 digest = receiptDigest(receipt);
        if (leaf.calls != 1 || !BatchTree.contains(line, digest, leaf, steps)) revert LeafNotInLine();
        if (receipt.order != orderDigest(order) || order.gateway != gateway) revert OrderMismatch();
        if (order.payer != keccak256(abi.encodePacked(payer, salt))) revert NotThePayer();
        bytes32 key = keccak256(abi.encode(gateway, seq, index, digest));
        if (_heldLeafClaimed[key]) revert LeafAlreadyClaimed();
        _heldLeafClaimed[key] = true;

        amount = leaf.nodeFee + leaf.gatewayFee;
        if (held.priced) {
            (PriceVersion memory price,) = _price(line.release, line.priceVersion);
            amount += _ownerAmount(price, 1, leaf.inputUnits, leaf.outputUnits);
        }
        held.amount -= uint248(amount);
        credit[payer] += amount;
        emit HeldClaimed(gateway, seq, index, digest, payer, amount);
    }

    // ── calls that were never anchored ──────────────────────────────────────────────────────────────────────────────

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

    // ── governance ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Sets the two rates; the treasury's address governs.
    function setFeeParameters(uint16 newProtocolFeeBps, uint16 newPenaltyBps) external {
        if (msg.sender != Addresses.TREASURY) revert NotGovernor(msg.sender);
        if (newProtocolFeeBps > MAX_PROTOCOL_FEE_BPS) revert OutOfBounds("protocolFeeBps", MAX_PROTOCOL_FEE_BPS);
        if (newPenaltyBps > MAX_PENALTY_BPS) revert OutOfBounds("penaltyBps", MAX_PENALTY_BPS);
        protocolFeeBps = newProtocolFeeBps;
        penaltyBps = newPenaltyBps;
        emit FeeParametersSet(newProtocolFeeBps, newPenaltyBps);
    }

    // ── typed data ──────────────────────────────────────────────────────────────────────────────────────────────────

    function orderDigest(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(EvidenceHash.hashOrder(order));
    }

    function receiptDigest(Receipt calldata receipt) public view returns (bytes32) {
        return _hashTypedDataV4(EvidenceHash.hashReceipt(receipt));
    }

    // ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @dev Brings the vouchers' money into the till. Only vouchers signed by a key are taken here: one that the payer's contract
    /// would have to confirm could revert or burn gas. Such vouchers can be claimed on their own before.
    function _collect(address from, bytes calldata claims) private {
        if (claims.length != 0) {
            (VoucherClaim[] memory vouchers, bytes memory signature) = abi.decode(claims, (VoucherClaim[], bytes));
            if (vouchers.length > MAX_CLAIMS) revert TooManyClaims(vouchers.length);
            for (uint256 i; i < vouchers.length; ++i) {
                if (
                    vouchers[i].voucher.channel.receiver != from || vouchers[i].voucher.channel.token != Addresses.OPG
                        || vouchers[i].voucher.channel.payerAuthorizer == address(0)
                ) revert ClaimNotForTill(i);
            }
            IChannels(Addresses.CHANNELS).claimWithSignature(vouchers, signature);
        }
        IChannels(Addresses.CHANNELS).settle(from, Addresses.OPG);
    }

    /// @return taken What the line takes from the till, paid or held.
    /// @return ownerAmount What its owner gets of it; zero when the line is held.
    function _applyLine(uint64 seq, uint256 index, Line calldata line)
        private
        returns (uint256 taken, uint256 ownerAmount)
    {
        (PriceVersion memory price, uint64 retiredAt) = _price(line.release, line.priceVersion);
        uint256 due = _ownerAmount(price, line.calls, line.inputUnits, line.outputUnits);
        taken = due + line.nodeFee + line.gatewayFee;
        uint8 reason = _heldReason(line, price, retiredAt);
        if (reason != 0) {
            _held[msg.sender][seq][index] = Held(BatchTree.hashLine(line), uint248(taken), price.validFrom != 0);
            emit LineHeld(msg.sender, seq, line.release, index, taken, reason);
            return (taken, 0);
        }
        ownerAmount = due;
        uint256 protocolFee = _least((taken * protocolFeeBps) / BASIS_POINTS, line.gatewayFee);
        credit[line.node] += line.nodeFee;
        credit[msg.sender] += line.gatewayFee - protocolFee;
        credit[Addresses.TREASURY] += protocolFee;
        Usage storage usage = _usage[line.release];
        usage.calls += line.calls;
        usage.inputUnits += line.inputUnits;
        usage.outputUnits += line.outputUnits;
        usage.gross += taken;
        usage.net += due;
        _emitLinePaid(seq, index, line, due, protocolFee);
    }

    function _emitLinePaid(uint64 seq, uint256 index, Line calldata line, uint256 ownerAmount, uint256 protocolFee)
        private
    {
        emit LinePaid(
            msg.sender,
            seq,
            line.release,
            index,
            line.priceVersion,
            line.node,
            line.calls,
            line.inputUnits,
            line.outputUnits,
            ownerAmount,
            line.nodeFee,
            line.gatewayFee,
            protocolFee
        );
    }

    function _heldReason(Line calldata line, PriceVersion memory price, uint64 retiredAt) private view returns (uint8) {
        uint256 time = block.timestamp;
        if (price.validFrom == 0) return HELD_UNKNOWN_PRICE;
        bool withdrawn = price.validUntil != 0 && price.validUntil < price.validFrom;
        if (withdrawn || price.validFrom > time) return HELD_PRICE_NOT_IN_FORCE;
        if (price.validUntil != 0 && time > price.validUntil + ANCHOR_GRACE) return HELD_PRICE_ENDED;
        if (retiredAt != 0 && time > retiredAt + ANCHOR_GRACE) return HELD_RELEASE_RETIRED;
        if (line.node == address(0)) return HELD_NO_NODE;
        if (line.calls == 0) return HELD_NO_CALLS;
        return 0;
    }

    function _take(address from, uint256 amount) private {
        if (amount == 0) return;
        uint256 held = from.balance;
        if (held < amount) revert TillTooSmall(amount, held);
        Till(from).take(amount);
    }

    function _payOwners(Line[] calldata lines, uint256[] memory amounts, uint256 total) private {
        if (total == 0) return;
        Payout.send(Addresses.ROYALTIES, total);
        for (uint256 i; i < lines.length; ++i) {
            if (amounts[i] != 0) IRoyalties(Addresses.ROYALTIES).book(lines[i].release, amounts[i]);
        }
    }

    function _withdraw(address account, address to) private returns (uint256 amount) {
        amount = credit[account];
        if (amount == 0) revert NothingToWithdraw(account);
        credit[account] = 0;
        emit Withdrawn(account, to, amount);
        Payout.send(to, amount);
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

    function _price(bytes32 release, uint32 version) private view returns (PriceVersion memory, uint64) {
        return IModelRegistry(Addresses.MODEL_REGISTRY).priceOf(release, version);
    }

    function _ownerAmount(PriceVersion memory price, uint256 calls, uint256 inputUnits, uint256 outputUnits)
        private
        pure
        returns (uint256)
    {
        return calls * price.perCall + inputUnits * price.perInputUnit + outputUnits * price.perOutputUnit;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
