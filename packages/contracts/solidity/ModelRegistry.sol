// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC2981} from "@openzeppelin/contracts/token/common/ERC2981.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {Parent, Price, PriceVersion, Release, ReleaseData, Terms} from "./ModelTypes.sol";

/// @title ModelRegistry
/// @notice Who owns a model, what was released, at which price and from which parents. A model is an ERC-721 token whose id is
/// `uint256(keccak256("namespace/name"))`; its holder is its owner. A release's id is `keccak256(abi.encode(modelId, major, minor))`.
/// Releases never change. Prices are versions that are only ever added. Nobody but a holder can change what the holder owns.
contract ModelRegistry is ERC721, ERC2981, IModelRegistry {
    uint256 public constant MAX_PARENTS = 8;
    uint256 public constant MAX_NAME_BYTES = 63;
    uint256 public constant MAX_LICENCE_BYTES = 200;
    uint16 public constant BASIS_POINTS = 10_000;
    /// @notice A higher price waits this long, so that a quote in a client's hand stays true.
    uint64 public constant PRICE_RISE_DELAY = 1 hours;
    /// @notice The most that a publisher may ask of each later sale of the token (ERC-2981), in basis points.
    uint16 public constant MAX_SALE_ROYALTY_BPS = 1_000;

    /// @dev Slots 0–5 are ERC-721's (name, symbol, owners, balances, approvals, operators), 6–7 ERC-2981's. See `layout.ts`.
    mapping(bytes32 release => Release) private _releases;
    mapping(bytes32 release => mapping(uint32 version => PriceVersion)) private _prices;
    mapping(bytes32 release => Parent[]) private _parents;
    mapping(bytes32 namespaceId => address) private _namespaces;
    mapping(uint256 modelId => string) private _names;

    event NamespaceClaimed(bytes32 indexed namespaceId, address indexed owner, string namespace);
    event NamespaceTransferred(bytes32 indexed namespaceId, address indexed from, address indexed to, string namespace);
    event ModelCreated(
        uint256 indexed modelId, address indexed owner, string namespace, string name, uint16 saleRoyaltyBps
    );
    /// @notice Everything a release is, its parents included, so that an index needs no call.
    event ReleasePublished(
        bytes32 indexed release, uint256 indexed modelId, address indexed publisher, ReleaseData data
    );
    event PriceSet(
        bytes32 indexed release,
        uint32 indexed version,
        uint128 perCall,
        uint128 perInputUnit,
        uint128 perOutputUnit,
        uint64 validFrom
    );
    /// @notice A version that had not taken effect was replaced; it never will.
    event PriceWithdrawn(bytes32 indexed release, uint32 indexed version);
    event ReleaseRetired(bytes32 indexed release, uint64 retiredAt);

    error InvalidName(string name);
    error NamespaceTaken(string namespace, address owner);
    error NotNamespaceOwner(string namespace, address caller);
    error InvalidNamespaceReceiver();
    error NotModelOwner(uint256 modelId, address caller);
    error ModelMissing(uint256 modelId);
    error SaleRoyaltyTooHigh(uint16 bps);
    error ReleaseExists(bytes32 release);
    error ReleaseMissing(bytes32 release);
    error ReleaseIsRetired(bytes32 release);
    error InvalidRelease(string field);
    error TooManyParents(uint256 count);
    error DuplicateParent(bytes32 parent);
    error SharesExceedWhole(uint256 bps);
    /// @notice The share offered to `parent` is below its least share.
    error ShareBelowTerms(bytes32 parent, uint16 offeredBps, uint16 leastBps);
    /// @notice At this price `parent` would get less than its least amount per `unit` ("call", "inputUnit" or "outputUnit").
    error PriceBelowTerms(bytes32 parent, string unit, uint256 offered, uint256 least);

    constructor() ERC721("Freehold Models", "MODEL") {}

    // ── publishing ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Takes a free namespace: `[a-z0-9][a-z0-9-]{0,62}`, first come.
    function claimNamespace(string calldata namespace) external {
        bytes32 id = _namespaceId(namespace);
        address owner = _namespaces[id];
        if (owner != address(0)) revert NamespaceTaken(namespace, owner);
        _claimNamespace(id, namespace);
    }

    /// @notice Gives a namespace away. The models in it keep their owners; only the right to add models moves.
    function transferNamespace(string calldata namespace, address to) external {
        bytes32 id = _namespaceId(namespace);
        if (_namespaces[id] != msg.sender) revert NotNamespaceOwner(namespace, msg.sender);
        if (to == address(0)) revert InvalidNamespaceReceiver();
        _namespaces[id] = to;
        emit NamespaceTransferred(id, msg.sender, to, namespace);
    }

    /// @notice Publishes in one step: claims the namespace when it is free, mints the model to the caller when it is new, adds the
    /// release with its first price. All of it happens or none.
    /// @param saleRoyaltyBps ERC-2981 share of later sales for the first publisher; read only when the model is new, fixed for ever.
    function publish(
        string calldata namespace,
        string calldata name,
        uint16 saleRoyaltyBps,
        ReleaseData calldata data,
        Price calldata price
    ) external returns (uint256 modelId, bytes32 release) {
        bytes32 namespaceId = _namespaceId(namespace);
        _checkName(name);
        modelId = uint256(keccak256(abi.encodePacked(namespace, "/", name)));
        address owner = _ownerOf(modelId);
        if (owner == address(0)) {
            address holder = _namespaces[namespaceId];
            if (holder == address(0)) _claimNamespace(namespaceId, namespace);
            else if (holder != msg.sender) revert NotNamespaceOwner(namespace, msg.sender);
            _createModel(modelId, namespace, name, saleRoyaltyBps);
        } else if (owner != msg.sender) {
            revert NotModelOwner(modelId, msg.sender);
        }
        release = _addRelease(modelId, data, price);
    }

    /// @notice Adds a release with its first price to a model that the caller owns.
    function publishRelease(uint256 modelId, ReleaseData calldata data, Price calldata price)
        external
        returns (bytes32 release)
    {
        _checkModelOwner(modelId);
        return _addRelease(modelId, data, price);
    }

    // ── rights of an owner ──────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Adds a price version. A price of which no part rises takes effect at once, any other after `PRICE_RISE_DELAY`.
    /// A version that is still waiting is withdrawn by it.
    function setPrice(bytes32 release, Price calldata price) external returns (uint32 version) {
        Release storage record = _checkReleaseOwner(release);
        if (record.retiredAt != 0) revert ReleaseIsRetired(release);
        _checkParentsAmounts(_parents[release], price);

        uint64 time = uint64(block.timestamp);
        uint32 last = record.priceVersions;
        PriceVersion storage current = _prices[release][last];
        if (current.validFrom > time) {
            current.validUntil = time;
            emit PriceWithdrawn(release, last);
            current = _prices[release][record.priceBefore];
        } else {
            record.priceBefore = last;
        }
        bool rises = price.perCall > current.perCall || price.perInputUnit > current.perInputUnit
            || price.perOutputUnit > current.perOutputUnit;
        uint64 validFrom = rises ? time + PRICE_RISE_DELAY : time;
        current.validUntil = validFrom;
        return _addPrice(release, record, price, validFrom);
    }

    /// @notice Ends a release for ever: no new calls, no new prices. What was served stays paid and provable.
    function retire(bytes32 release) external {
        Release storage record = _checkReleaseOwner(release);
        if (record.retiredAt != 0) revert ReleaseIsRetired(release);
        record.retiredAt = uint64(block.timestamp);
        emit ReleaseRetired(release, uint64(block.timestamp));
    }

    // ── views ───────────────────────────────────────────────────────────────────────────────────────────────────────

    function modelIdOf(string calldata namespace, string calldata name) external pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(namespace, "/", name)));
    }

    function releaseIdOf(uint256 modelId, uint16 major, uint16 minor) public pure returns (bytes32) {
        return keccak256(abi.encode(modelId, major, minor));
    }

    /// @notice Zero when the namespace is free.
    function namespaceOwner(string calldata namespace) external view returns (address) {
        return _namespaces[keccak256(bytes(namespace))];
    }

    /// @notice `namespace/name`.
    function nameOf(uint256 modelId) external view returns (string memory) {
        _requireOwned(modelId);
        return _names[modelId];
    }

    function releaseOf(bytes32 release) external view returns (Release memory) {
        _requireRelease(release);
        return _releases[release];
    }

    function releaseExists(bytes32 release) external view returns (bool) {
        return _releases[release].publishedAt != 0;
    }

    function parentsOf(bytes32 release) external view returns (Parent[] memory) {
        return _parents[release];
    }

    /// @notice Holder of the model that the release belongs to.
    function releaseOwner(bytes32 release) external view returns (address) {
        return _ownerOf(_requireRelease(release).modelId);
    }

    /// @notice The version in force now, and the price.
    function currentPrice(bytes32 release) external view returns (uint32 version, PriceVersion memory price) {
        Release storage record = _requireRelease(release);
        version = record.priceVersions;
        if (_prices[release][version].validFrom > block.timestamp) version = record.priceBefore;
        price = _prices[release][version];
    }

    /// @inheritdoc IModelRegistry
    function priceOf(bytes32 release, uint32 version)
        external
        view
        returns (PriceVersion memory price, uint64 retiredAt)
    {
        return (_prices[release][version], _releases[release].retiredAt);
    }

    /// @inheritdoc IModelRegistry
    function splitOf(bytes32 release) external view returns (address owner, Parent[] memory parents) {
        Release storage record = _releases[release];
        if (record.publishedAt == 0) return (address(0), parents);
        return (_ownerOf(record.modelId), _parents[release]);
    }

    /// @notice A data URI that names the model; names hold no character that JSON would escape.
    function tokenURI(uint256 modelId) public view override returns (string memory) {
        _requireOwned(modelId);
        return string.concat('data:application/json,{"name":"', _names[modelId], '"}');
    }

    function supportsInterface(bytes4 interfaceId) public view override(ERC721, ERC2981) returns (bool) {
        return super.supportsInterface(interfaceId);
    }

    // ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    function _claimNamespace(bytes32 id, string calldata namespace) private {
        _namespaces[id] = msg.sender;
        emit NamespaceClaimed(id, msg.sender, namespace);
    }

    /// @dev `_mint`, not `_safeMint`: the caller asked for the token itself, and no foreign code runs inside a publication.
    function _createModel(uint256 modelId, string calldata namespace, string calldata name, uint16 saleRoyaltyBps) private {
        if (saleRoyaltyBps > MAX_SALE_ROYALTY_BPS) revert SaleRoyaltyTooHigh(saleRoyaltyBps);
        _mint(msg.sender, modelId);
        _names[modelId] = string.concat(namespace, "/", name);
        if (saleRoyaltyBps != 0) _setTokenRoyalty(modelId, msg.sender, saleRoyaltyBps);
        emit ModelCreated(modelId, msg.sender, namespace, name, saleRoyaltyBps);
    }

    function _addRelease(uint256 modelId, ReleaseData calldata data, Price calldata price)
        private
        returns (bytes32 release)
    {
        release = releaseIdOf(modelId, data.major, data.minor);
        Release storage record = _releases[release];
        if (record.publishedAt != 0) revert ReleaseExists(release);
        _checkReleaseData(data);
        _addParents(release, data.parents);
        _checkParentsAmounts(_parents[release], price);

        record.modelId = modelId;
        record.manifest = data.manifest;
        record.publishedAt = uint64(block.timestamp);
        record.major = data.major;
        record.minor = data.minor;
        record.format = data.format;
        record.modes = data.modes;
        record.parentCount = uint8(data.parents.length);
        record.inputSchema = data.inputSchema;
        record.outputSchema = data.outputSchema;
        record.terms = data.terms;
        record.licence = data.licence;
        record.publisher = msg.sender;
        emit ReleasePublished(release, modelId, msg.sender, data);
        _addPrice(release, record, price, uint64(block.timestamp));
    }

    function _addPrice(bytes32 release, Release storage record, Price calldata price, uint64 validFrom)
        private
        returns (uint32 version)
    {
        version = ++record.priceVersions;
        _prices[release][version] = PriceVersion({
            perCall: price.perCall,
            perInputUnit: price.perInputUnit,
            perOutputUnit: price.perOutputUnit,
            validFrom: validFrom,
            validUntil: 0
        });
        emit PriceSet(release, version, price.perCall, price.perInputUnit, price.perOutputUnit, validFrom);
    }

    /// @dev Parents exist before their child, so the graph cannot have a cycle.
    function _addParents(bytes32 release, Parent[] calldata parents) private {
        if (parents.length > MAX_PARENTS) revert TooManyParents(parents.length);
        Parent[] storage stored = _parents[release];
        uint256 whole;
        for (uint256 i; i < parents.length; ++i) {
            Parent calldata parent = parents[i];
            for (uint256 j; j < i; ++j) {
                if (parents[j].release == parent.release) revert DuplicateParent(parent.release);
            }
            uint16 leastBps = _requireRelease(parent.release).terms.leastBps;
            if (parent.bps < leastBps) revert ShareBelowTerms(parent.release, parent.bps, leastBps);
            whole += parent.bps;
            stored.push(parent);
        }
        if (whole > BASIS_POINTS) revert SharesExceedWhole(whole);
    }

    /// @dev Unit by unit, so that it holds for every call whatever it uses.
    function _checkParentsAmounts(Parent[] storage parents, Price calldata price) private view {
        for (uint256 i; i < parents.length; ++i) {
            Parent memory parent = parents[i];
            Terms storage terms = _releases[parent.release].terms;
            _checkAmount(parent, "call", price.perCall, terms.leastPerCall);
            _checkAmount(parent, "inputUnit", price.perInputUnit, terms.leastPerInputUnit);
            _checkAmount(parent, "outputUnit", price.perOutputUnit, terms.leastPerOutputUnit);
        }
    }

    function _checkAmount(Parent memory parent, string memory unit, uint256 price, uint256 least) private pure {
        uint256 offered = price * parent.bps;
        if (offered < least * BASIS_POINTS) {
            revert PriceBelowTerms(parent.release, unit, offered / BASIS_POINTS, least);
        }
    }

    function _checkReleaseData(ReleaseData calldata data) private pure {
        if (data.manifest == bytes32(0)) revert InvalidRelease("manifest");
        if (data.format == 0) revert InvalidRelease("format");
        if (data.modes == 0) revert InvalidRelease("modes");
        uint256 length = bytes(data.licence).length;
        if (length == 0 || length > MAX_LICENCE_BYTES) revert InvalidRelease("licence");
        if (data.terms.leastBps > BASIS_POINTS) revert InvalidRelease("leastBps");
    }

    function _checkReleaseOwner(bytes32 release) private view returns (Release storage record) {
        record = _requireRelease(release);
        if (_ownerOf(record.modelId) != msg.sender) revert NotModelOwner(record.modelId, msg.sender);
    }

    function _checkModelOwner(uint256 modelId) private view {
        address owner = _ownerOf(modelId);
        if (owner == address(0)) revert ModelMissing(modelId);
        if (owner != msg.sender) revert NotModelOwner(modelId, msg.sender);
    }

    function _requireRelease(bytes32 release) private view returns (Release storage record) {
        record = _releases[release];
        if (record.publishedAt == 0) revert ReleaseMissing(release);
    }

    function _namespaceId(string calldata namespace) private pure returns (bytes32) {
        _checkName(namespace);
        return keccak256(bytes(namespace));
    }

    function _checkName(string calldata name) private pure {
        bytes calldata text = bytes(name);
        if (text.length == 0 || text.length > MAX_NAME_BYTES || text[0] == "-") revert InvalidName(name);
        for (uint256 i; i < text.length; ++i) {
            bytes1 c = text[i];
            bool ok = (c >= "a" && c <= "z") || (c >= "0" && c <= "9") || c == "-";
            if (!ok) revert InvalidName(name);
        }
    }
}
