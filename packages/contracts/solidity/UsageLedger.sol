// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "./Addresses.sol";
import {IChannels, VoucherClaim} from "./interfaces/IChannels.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IRoyalties} from "./interfaces/IRoyalties.sol";
import {PriceVersion} from "./ModelTypes.sol";
import {Payout} from "./Payout.sol";
import {BatchTree} from "./usage/BatchTree.sol";
import {GatewayDebts} from "./usage/GatewayDebts.sol";
import {HeldLines} from "./usage/HeldLines.sol";
import {PaidCall} from "./interfaces/IPrepaid.sol";
import {Prepaid} from "./usage/Prepaid.sol";
import {Till} from "./usage/Till.sol";
import {Batch, Line, Refund, Usage} from "./usage/UsageTypes.sol";

/// @title UsageLedger
/// @notice Every payment for inference ends here and is split here. A gateway anchors batches of calls; the owner's amount comes from
/// the registry's price, not from the gateway's arithmetic, and payees get credit that they take out themselves. Nothing here can be
/// paused, upgraded or redirected; governance may set two rates inside fixed bounds.
contract UsageLedger is HeldLines, GatewayDebts, Prepaid {
    uint256 public constant MAX_LINES = 256;
    uint256 public constant MAX_REFUNDS = 256;
    uint256 public constant MAX_CLAIMS = 256;
    /// @notice How long after its end a price or a release may still be charged: a quote's 5 minutes and an hour to anchor.
    uint64 public constant ANCHOR_GRACE = 5 minutes + 1 hours;
    uint16 public constant MAX_PROTOCOL_FEE_BPS = 500;
    uint16 public constant MAX_PENALTY_BPS = 10_000;
    uint8 private constant ROLE_GATEWAY = 2;

    /// @notice Why a line was held.
    uint8 public constant HELD_UNKNOWN_PRICE = 1;
    uint8 public constant HELD_PRICE_NOT_IN_FORCE = 2;
    uint8 public constant HELD_PRICE_ENDED = 3;
    uint8 public constant HELD_RELEASE_RETIRED = 4;
    uint8 public constant HELD_NO_NODE = 5;
    uint8 public constant HELD_NO_CALLS = 6;

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
    event Refunded(address indexed gateway, uint64 indexed seq, address indexed payer, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event FeeParametersSet(uint16 protocolFeeBps, uint16 penaltyBps);

    error NotGateway(address caller);
    error SeqNotNext(uint64 given, uint64 next);
    error TooManyLines(uint256 count);
    error TooManyRefunds(uint256 count);
    error TooManyClaims(uint256 count);
    error RefundToNobody();
    /// @notice A claim in the batch is for another receiver or token, or its voucher would need the payer's code to be run.
    error ClaimNotForTill(uint256 index);
    error TillTooSmall(uint256 needed, uint256 held);
    error NothingToWithdraw(address account);
    error NotGovernor(address caller);
    error OutOfBounds(string parameter, uint256 most);

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

    function _emitPaid(PaidCall calldata call) internal override {
        emit LinePaid(
            Addresses.INFERENCE,
            0,
            call.release,
            0,
            call.priceVersion,
            call.node,
            1,
            call.inputUnits,
            call.outputUnits,
            call.ownerAmount,
            call.nodeFee,
            call.protocolFee,
            call.protocolFee
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

}
