// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// A token for tests, with the part of EIP-3009 that x402 uses, as strict as the tokens that it stands for: windows are open
/// intervals, a nonce is used once, and of the two signatures that recover to one signer only the one with the low s is taken.
///
/// This is the older form, which knows accounts with keys only (FiatTokenV2, FiatTokenV2_1).
contract OldDollar {
    string public constant name = "USDC";
    string public constant version = "2";
    uint8 public constant decimals = 6;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant TRANSFER_TYPE = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL_TYPE = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    uint256 private constant S_MAX = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(bytes32 => bool)) public authorizationState;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPE, keccak256(bytes(name)), keccak256(bytes(version)), block.chainid, address(this))
        );
    }

    function transfer(address to, uint256 value) external returns (bool) {
        move(msg.sender, to, value);
        return true;
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        settle(from, to, value, validAfter, validBefore, nonce, abi.encodePacked(r, s, v));
    }

    function settle(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) internal {
        require(block.timestamp > validAfter, "the authorization is not valid yet");
        require(block.timestamp < validBefore, "the authorization has expired");
        bytes32 message = keccak256(abi.encode(TRANSFER_TYPE, from, to, value, validAfter, validBefore, nonce));
        use(from, nonce, message, signature);
        emit AuthorizationUsed(from, nonce);
        move(from, to, value);
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        bytes32 message = keccak256(abi.encode(CANCEL_TYPE, authorizer, nonce));
        use(authorizer, nonce, message, abi.encodePacked(r, s, v));
        emit AuthorizationCanceled(authorizer, nonce);
    }

    function use(address signer, bytes32 nonce, bytes32 message, bytes memory signature) private {
        require(!authorizationState[signer][nonce], "the nonce was used");
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), message));
        require(isSigned(signer, digest, signature), "somebody else signed");
        authorizationState[signer][nonce] = true;
    }

    function isSigned(address signer, bytes32 digest, bytes memory signature) internal view virtual returns (bool) {
        require(signature.length == 65, "a signature has 65 bytes");
        (bytes32 r, bytes32 s) = (word(signature, 0), word(signature, 32));
        uint8 v = uint8(signature[64]);
        require(uint256(s) <= S_MAX && (v == 27 || v == 28), "the signature is not canonical");
        address recovered = ecrecover(digest, v, r, s);
        return recovered != address(0) && recovered == signer;
    }

    function word(bytes memory bytes_, uint256 at) private pure returns (bytes32 found) {
        assembly {
            found := mload(add(add(bytes_, 32), at))
        }
    }

    function move(address from, address to, uint256 value) private {
        require(to != address(0), "money for nobody");
        require(balanceOf[from] >= value, "the balance is too low");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

/// The form of today: the signature also comes in one piece, and where the signer has code, that is asked, in both forms
/// (github.com/circlefin/stablecoin-evm: contracts/v2/FiatTokenV2_2.sol, contracts/util/SignatureChecker.sol).
contract TestDollar is OldDollar {
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        settle(from, to, value, validAfter, validBefore, nonce, signature);
    }

    function isSigned(address signer, bytes32 digest, bytes memory signature) internal view override returns (bool) {
        if (signer.code.length == 0) {
            return super.isSigned(signer, digest, signature);
        }
        bytes4 question = bytes4(keccak256("isValidSignature(bytes32,bytes)"));
        (bool success, bytes memory answer) = signer.staticcall(abi.encodeWithSelector(question, digest, signature));
        return success && answer.length >= 32 && abi.decode(answer, (bytes32)) == bytes32(question);
    }
}
