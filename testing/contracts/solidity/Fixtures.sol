// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// @notice A contract wallet that answers by ERC-1271 for its owner's key, and can be told to misbehave.
contract Wallet {
    address public immutable owner;
    uint8 public mood;
    uint256 public touched;

    constructor(address owner_) payable {
        owner = owner_;
    }

    receive() external payable {}

    /// @param mood_ 0 honest, 1 wrong answer, 2 revert, 3 burn all gas, 4 write state.
    function setMood(uint8 mood_) external {
        mood = mood_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external returns (bytes4) {
        if (mood == 1) return 0xffffffff;
        if (mood == 2) revert("no");
        if (mood == 3) while (true) {}
        if (mood == 4) touched += 1;
        if (signature.length != 65) return 0xffffffff;
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        return ecrecover(hash, uint8(signature[64]), r, s) == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }

    function execute(address target, bytes calldata data) external payable returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call{value: msg.value}(data);
        if (!ok) assembly { revert(add(result, 32), mload(result)) }
    }
}

/// @notice Calls a target in every way the EVM has and reports success.
contract Prober {
    constructor() payable {}

    receive() external payable {}

    function plain(address target, uint256 value, bytes calldata data) external returns (bool ok) {
        (ok,) = target.call{value: value}(data);
    }

    function delegate(address target, bytes calldata data) external returns (bool ok) {
        (ok,) = target.delegatecall(data);
    }

    function fixedView(address target, bytes calldata data) external view returns (bool ok) {
        (ok,) = target.staticcall(data);
    }

    function code(address target, bytes calldata input) external returns (bool ok) {
        bytes memory data = input;
        assembly {
            ok := callcode(gas(), target, 0, add(data, 32), mload(data), 0, 0)
        }
    }

    /// @notice Transfers inside a call that reverts, catches it, and goes on.
    function transferAndUndo(IToken token, address to, uint256 amount) external returns (bool undone) {
        try this.transferThenRevert(token, to, amount) {} catch {
            undone = true;
        }
    }

    function transferThenRevert(IToken token, address to, uint256 amount) external {
        token.transfer(to, amount);
        require(token.balanceOf(to) >= amount, "not moved");
        revert("undo");
    }

    /// @notice Spends the same balance as value and as token in one transaction; the second must fail.
    function spendTwice(IToken token, address payable to) external returns (bool second) {
        uint256 all = address(this).balance;
        (bool first,) = to.call{value: all}("");
        require(first, "first");
        try token.transfer(to, all) returns (bool ok) {
            second = ok;
        } catch {
            second = false;
        }
    }
}

/// @notice Sends its balance to an heir by self-destruction.
contract Mortal {
    constructor() payable {}

    function die(address payable heir) external {
        selfdestruct(heir);
    }
}

/// @notice A token that keeps a part of each transfer, and whose authorizations ask nobody.
contract SkimmingToken {
    mapping(address => uint256) public balanceOf;
    uint256 public skim;

    constructor(uint256 skim_) {
        skim = skim_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) public returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount - skim;
        return true;
    }

    function receiveWithAuthorization(address from, address to, uint256 amount, uint256, uint256, bytes32, bytes calldata)
        external
    {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice A token that calls back into a target during its next transfer.
contract ReentrantToken {
    mapping(address => uint256) public balanceOf;
    address public target;
    bytes public data;
    bool public reentered;
    bytes public answer;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function arm(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        if (target != address(0)) (reentered, answer) = target.call(data);
        return true;
    }

    function receiveWithAuthorization(address from, address to, uint256 amount, uint256, uint256, bytes32, bytes calldata)
        external
    {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice A token whose transfers say no.
contract RefusingToken {
    function balanceOf(address) external pure returns (uint256) {
        return 1 ether;
    }

    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }

    function receiveWithAuthorization(address, address, uint256, uint256, uint256, bytes32, bytes calldata) external {}
}

/// @notice An owner of models that would take twice, or burn all gas, if paying it ran its code.
contract GreedyOwner {
    address public immutable royalties;
    uint8 public immutable mood;
    uint256 public touched;

    /// @param mood_ 1 claims again, 2 burns all gas, 3 refuses.
    constructor(address royalties_, uint8 mood_) {
        royalties = royalties_;
        mood = mood_;
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return 0x150b7a02;
    }

    function take() external {
        _claim();
    }

    receive() external payable {
        _misbehave();
    }

    fallback() external payable {
        _misbehave();
    }

    function _misbehave() private {
        touched += 1;
        if (mood == 1) _claim();
        if (mood == 2) while (true) {}
        if (mood == 3) revert("no");
    }

    function _claim() private {
        (bool ok,) = royalties.call(abi.encodeWithSignature("claim(address)", address(this)));
        ok;
    }
}

/// @notice Holds a model and its income for two people in halves.
contract HalfAndHalf {
    address public immutable a;
    address public immutable b;

    constructor(address a_, address b_) {
        a = a_;
        b = b_;
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return 0x150b7a02;
    }

    function share(IToken token) external {
        uint256 half = token.balanceOf(address(this)) / 2;
        token.transfer(a, half);
        token.transfer(b, half);
    }
}

interface ITasks {
    function registerTask(address contractAddress, uint256 endTime, uint256 frequencySeconds) external;
    function stopTask(address contractAddress) external;
}

/// @notice What a scheduler calls. Mood: 0 counts, 1 reverts, 2 burns all gas, 3 stops its own task, which it registers when it is called with data.
contract Runner {
    uint256 public runs;
    uint8 public immutable mood;
    ITasks private constant TASKS = ITasks(0x7179724De4e7FF9271FA40C0337c7f90C0508eF6);

    constructor(uint8 mood_) {
        mood = mood_;
    }

    fallback() external {
        TASKS.registerTask(address(this), block.timestamp + 1_000, 60);
    }

    function run() external {
        if (mood == 1) revert("no");
        if (mood == 2) while (true) {}
        if (mood == 3) TASKS.stopTask(address(this));
        ++runs;
    }
}
