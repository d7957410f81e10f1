// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {IInferenceFor} from "./IInference.sol";
import {
    HistoricalInputQuery,
    ModelInferenceRequest,
    ModelInput,
    ModelOutput,
    MultiDimensionalNumberTensor,
    Number,
    StringTensor
} from "./PipeTypes.sol";

interface IOracles {
    function isActive(address operator, uint8 role) external view returns (bool);
}

/// @notice One interval of a market, in units of `10^-decimals` of the feed.
struct Candle {
    int128 high;
    int128 low;
    int128 open;
    int128 close;
    int128 volume;
}

/// @title Historical
/// @notice Candles that bonded oracles publish, and models that are run on them. A candle is for an interval that has ended, and stands as it was
/// published first; who published it is in the event and answers with the bond.
contract Historical {
    uint8 public constant ROLE_ORACLE = 8;
    /// @notice All prices are in units of 10^-8.
    int128 public constant DECIMALS = 8;
    uint256 public constant MAX_CANDLES = 256;
    /// @notice The newest candle may be this many intervals old.
    uint256 public constant MAX_AGE = 2;

    mapping(bytes32 feed => mapping(uint256 slot => Candle)) private _candles;
    mapping(bytes32 feed => uint256) private _newest;

    event CandlesPublished(
        address indexed oracle, bytes32 indexed feed, string base, string quote, uint32 minutes_, uint256 firstSlot, Candle[] candles
    );

    /// @notice Publishes candles of consecutive intervals; those that are there already stay. Slot n is the interval that begins n × minutes after 1970.
    function publish(string calldata base, string calldata quote, uint32 minutes_, uint256 firstSlot, Candle[] calldata candles)
        external
    {
        require(IOracles(Addresses.NODE_REGISTRY).isActive(msg.sender, ROLE_ORACLE), "not an active oracle");
        require(minutes_ > 0 && candles.length > 0 && candles.length <= MAX_CANDLES, "number of candles");
        bytes32 feed = feedOf(base, quote, minutes_);
        uint256 last = firstSlot + candles.length - 1;
        require((last + 1) * minutes_ * 60 <= block.timestamp, "interval has not ended");
        for (uint256 i; i < candles.length; ++i) {
            Candle calldata candle = candles[i];
            require(
                candle.low > 0 && candle.low <= candle.open && candle.low <= candle.close && candle.high >= candle.open
                    && candle.high >= candle.close && candle.volume >= 0,
                "candle"
            );
            if (_candles[feed][firstSlot + i].high == 0) _candles[feed][firstSlot + i] = candle;
        }
        if (last > _newest[feed]) _newest[feed] = last;
        emit CandlesPublished(msg.sender, feed, base, quote, minutes_, firstSlot, candles);
    }

    function feedOf(string calldata base, string calldata quote, uint32 minutes_) public pure returns (bytes32) {
        return keccak256(abi.encode(base, quote, minutes_));
    }

    /// @notice The last candles of a feed: one row each, in the order asked for; a column for each type.
    function queryHistoricalCandles(HistoricalInputQuery calldata query) public view returns (Number[] memory values) {
        uint256 rows = query.total_candles;
        uint256 columns = query.candle_types.length;
        require(rows > 0 && rows <= MAX_CANDLES && columns > 0 && columns <= 5 && query.order < 2, "query");
        bytes32 feed = feedOf(query.base, query.quote, query.candle_duration_in_mins);
        uint256 newest = _newest[feed];
        require(newest + 1 >= rows && newest != 0, "no candles");
        require((newest + 1 + MAX_AGE) * query.candle_duration_in_mins * 60 >= block.timestamp, "candles are stale");
        values = new Number[](rows * columns);
        for (uint256 row; row < rows; ++row) {
            Candle storage candle = _candles[feed][query.order == 0 ? newest + 1 + row - rows : newest - row];
            require(candle.high != 0, "no candles");
            for (uint256 i; i < columns; ++i) values[row * columns + i] = Number(_field(candle, query.candle_types[i]), DECIMALS);
        }
    }

    /// @notice Runs a model on candles: one tensor `[candles, types]`. Whoever calls it pays.
    function runInferenceOnPriceFeed(string calldata modelId, string calldata inputName, HistoricalInputQuery calldata query)
        external
        returns (ModelOutput memory)
    {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (query.total_candles, uint32(query.candle_types.length));
        MultiDimensionalNumberTensor[] memory numbers = new MultiDimensionalNumberTensor[](1);
        numbers[0] = MultiDimensionalNumberTensor(inputName, queryHistoricalCandles(query), shape);
        return IInferenceFor(Addresses.INFERENCE)
            .runModelInferenceFor(msg.sender, ModelInferenceRequest(0, modelId, ModelInput(numbers, new StringTensor[](0))));
    }

    function _field(Candle storage candle, uint8 kind) private view returns (int128) {
        if (kind == 0) return candle.high;
        if (kind == 1) return candle.low;
        if (kind == 2) return candle.open;
        if (kind == 3) return candle.close;
        require(kind == 4, "candle type");
        return candle.volume;
    }
}
