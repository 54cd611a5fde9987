// The computations a handshake asks for, one OpenSSL call chain each. False or an error is a refusal; nothing throws or aborts.
#include "bb/openssl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <algorithm>

namespace bb {
namespace {

template <auto release>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, Deleter<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Deleter<EVP_KDF_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter<PKCS8_PRIV_KEY_INFO_free>>;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kCoordinateBytes = 32;
constexpr std::uint8_t kRecordVersion = 1;
constexpr const char* kP256 = "prime256v1";

using Key = std::array<std::uint8_t, kKeyBytes>;
using Nonce = std::array<std::uint8_t, kNonceBytes>;

OpenSslKey generate_key(const char* type, const char* curve = nullptr) {
  return OpenSslKey(curve ? EVP_PKEY_Q_keygen(nullptr, nullptr, type, curve) : EVP_PKEY_Q_keygen(nullptr, nullptr, type));
}

bool hkdf(Bytes secret, Bytes salt, std::string_view info, Key& out) {
  const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const KdfContext context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
  if (!context) return false;
  std::string digest = "SHA256";
  ByteBuffer secret_copy(secret.begin(), secret.end());
  ByteBuffer salt_copy(salt.begin(), salt.end());
  std::string info_copy(info);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), digest.size()),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret_copy.data(), secret_copy.size()),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt_copy.data(), salt_copy.size()),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_copy.data(), info_copy.size()),
                               OSSL_PARAM_construct_end()};
  const bool done = EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1;
  OPENSSL_cleanse(secret_copy.data(), secret_copy.size());
  return done;
}

bool seal(const Key& key, const Nonce& nonce, Bytes additional, Bytes plain, ByteBuffer& out) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  out.resize(plain.size() + kTagBytes);
  int written = 0;
  return context && EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(), key.data(), nonce.data(), nullptr) == 1 &&
         EVP_EncryptUpdate(context.get(), nullptr, &written, additional.data(), static_cast<int>(additional.size())) == 1 &&
         EVP_EncryptUpdate(context.get(), out.data(), &written, plain.data(), static_cast<int>(plain.size())) == 1 &&
         EVP_EncryptFinal_ex(context.get(), out.data() + plain.size(), &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, out.data() + plain.size()) == 1;
}

bool open(const Key& key, const Nonce& nonce, Bytes additional, Bytes sealed, ByteBuffer& out) {
  if (sealed.size() < kTagBytes) return false;
  const CipherContext context(EVP_CIPHER_CTX_new());
  const Bytes text = sealed.first(sealed.size() - kTagBytes);
  std::array<std::uint8_t, kTagBytes> tag;  // a copy, since the call wants it writable
  std::copy(sealed.end() - kTagBytes, sealed.end(), tag.begin());
  out.resize(text.size() + 1);  // never empty: OpenSSL takes a null pointer for additional data
  int written = 0;
  const bool good =
      context && EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), key.data(), nonce.data(), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, additional.data(), static_cast<int>(additional.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), out.data(), &written, text.data(), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out.data() + text.size(), &written) == 1;
  out.resize(good ? text.size() : 0);
  return good;
}

OpenSslKey agreement_key(KeyAgreement agreement, Bytes bytes) {
  if (agreement == KeyAgreement::x25519)
    return OpenSslKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, bytes.data(), bytes.size()));
  std::string group = kP256;
  ByteBuffer point(bytes.begin(), bytes.end());
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
                         OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
                         OSSL_PARAM_construct_end()};
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
    return nullptr;
  return OpenSslKey(key);
}

// OpenSSL has P-256 signatures in DER; ours are the two numbers.
bool to_der(Bytes raw, ByteBuffer& der) {
  const EcdsaSignature signature(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(raw.data(), kCoordinateBytes, nullptr);
  BIGNUM* const s = BN_bin2bn(raw.data() + kCoordinateBytes, kCoordinateBytes, nullptr);
  if (!signature || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return false;
  }
  const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (size <= 0) return false;
  der.resize(static_cast<std::size_t>(size));
  std::uint8_t* at = der.data();
  return i2d_ECDSA_SIG(signature.get(), &at) == size;
}

bool from_der(Bytes der, std::span<std::uint8_t> raw) {
  const std::uint8_t* at = der.data();
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  return signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), kCoordinateBytes) == kCoordinateBytes &&
         BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + kCoordinateBytes, kCoordinateBytes) == kCoordinateBytes;
}

bool verify(const CryptoRequest& request) {
  const bool p256 = request.algorithm == SignatureAlgorithm::p256;
  const std::uint8_t* at = request.key.data();
  const OpenSslKey key(p256 ? d2i_PUBKEY(nullptr, &at, static_cast<long>(request.key.size()))
                            : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, request.key.data(), request.key.size()));
  ByteBuffer signature(request.signature.begin(), request.signature.end());
  if (p256 && !to_der(request.signature, signature)) return false;
  const DigestContext context(EVP_MD_CTX_new());
  return key && context && EVP_DigestVerifyInit(context.get(), nullptr, p256 ? EVP_sha256() : nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), request.message.data(), request.message.size()) == 1;
}

Nonce record_nonce(std::uint64_t counter) {
  Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[kNonceBytes - 1 - i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

std::array<std::uint8_t, 9> record_header(std::uint64_t counter) {
  std::array<std::uint8_t, 9> header;
  header[0] = kRecordVersion;
  store_le(header.data() + 1, counter);
  return header;
}

}  // namespace

void OpenSslKeyDeleter::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

Result<OpenSslIdentity> OpenSslIdentity::of(OpenSslKey key) {
  if (!key) return fail(Code::no_memory);
  OpenSslIdentity identity;
  if (EVP_PKEY_is_a(key.get(), "ED25519")) {
    identity.public_key_ = {0x08, 0x01, 0x12, 0x20};
    std::array<std::uint8_t, kKeyBytes> raw;
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1) return fail(Code::malformed);
    identity.public_key_.insert(identity.public_key_.end(), raw.begin(), raw.end());
  } else {
    std::uint8_t* der = nullptr;
    const int size = i2d_PUBKEY(key.get(), &der);
    if (size <= 0) return fail(Code::malformed);
    identity.public_key_ = {0x08, 0x03, 0x12, static_cast<std::uint8_t>(size)};
    identity.public_key_.insert(identity.public_key_.end(), der, der + size);
    OPENSSL_free(der);
  }
  BB_TRY(parsed, PublicKey::from_bytes(identity.public_key_));  // another curve, or no signature key at all
  identity.algorithm_ = parsed.algorithm;
  identity.id_ = parsed.peer_id();
  identity.key_ = std::move(key);
  return identity;
}

Result<OpenSslIdentity> OpenSslIdentity::generate(SignatureAlgorithm algorithm) {
  return of(algorithm == SignatureAlgorithm::p256 ? generate_key("EC", kP256) : generate_key("ED25519"));
}

Result<OpenSslIdentity> OpenSslIdentity::from_seed(Bytes seed) {
  if (seed.size() != kKeyBytes) return fail(Code::bad_argument, seed.size());
  return of(OpenSslKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size())));
}

Result<OpenSslIdentity> OpenSslIdentity::from_pkcs8(Bytes der) {
  const std::uint8_t* at = der.data();
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  OpenSslKey key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
  if (!key) return fail(Code::malformed);
  return of(std::move(key));
}

Result<ByteBuffer> OpenSslIdentity::to_pkcs8() const {
  const Pkcs8 info(EVP_PKEY2PKCS8(key_.get()));
  std::uint8_t* der = nullptr;
  const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der) : 0;
  if (size <= 0) return fail(Code::no_memory);
  ByteBuffer bytes(der, der + size);
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  return bytes;
}

Result<std::array<std::uint8_t, PublicKey::kSignatureBytes>> OpenSslIdentity::sign(Bytes message) const {
  const bool p256 = algorithm_ == SignatureAlgorithm::p256;
  const DigestContext context(EVP_MD_CTX_new());
  std::array<std::uint8_t, 96> signature;
  std::size_t size = signature.size();
  std::array<std::uint8_t, PublicKey::kSignatureBytes> raw;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, p256 ? EVP_sha256() : nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
    return fail(Code::no_memory);
  if (p256) {
    if (!from_der(Bytes(signature).first(size), raw)) return fail(Code::malformed);
  } else {
    std::copy_n(signature.begin(), raw.size(), raw.begin());
  }
  return raw;
}

Result<ByteBuffer> OpenSslRecords::seal(Bytes message) {
  if (next_ == UINT64_MAX) return fail(Code::over_cap);
  const auto header = record_header(next_);
  ByteBuffer sealed;
  if (!bb::seal(key_, record_nonce(next_), header, message, sealed)) return fail(Code::no_memory);
  sealed.insert(sealed.begin(), header.begin() + 1, header.end());
  ++next_;
  return sealed;
}

Result<ByteBuffer> OpenSslRecords::open(Bytes record) {
  if (record.size() < kOverhead || load_le<std::uint64_t>(record.data()) != next_) return fail(Code::malformed);
  ByteBuffer message;
  if (!bb::open(key_, record_nonce(next_), record_header(next_), record.subspan(8), message)) return fail(Code::malformed, 8);
  ++next_;
  return message;
}

Result<std::array<std::uint8_t, 32>> OpenSslHandshake::nonce() {
  std::array<std::uint8_t, 32> nonce;
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) return fail(Code::closed);
  return nonce;
}

bool OpenSslHandshake::generate(const CryptoRequest& request, ByteBuffer& out) {
  const bool p256 = request.agreement == KeyAgreement::p256;
  ephemeral_ = p256 ? generate_key("EC", kP256) : generate_key("X25519");
  std::uint8_t* point = nullptr;
  const std::size_t size = ephemeral_ ? EVP_PKEY_get1_encoded_public_key(ephemeral_.get(), &point) : 0;
  out.assign(point, point + size);
  OPENSSL_free(point);
  return size > 0;
}

bool OpenSslHandshake::agree(const CryptoRequest& request) {
  const OpenSslKey theirs = agreement_key(request.agreement, request.key);
  const KeyContext context(ephemeral_ ? EVP_PKEY_CTX_new(ephemeral_.get(), nullptr) : nullptr);
  std::array<std::uint8_t, kKeyBytes> secret;
  std::size_t size = secret.size();
  // OpenSSL refuses the keys that lead to an all-zero secret itself, and points off the curve.
  bool good = theirs && context && EVP_PKEY_derive_init(context.get()) == 1 &&
              EVP_PKEY_derive_set_peer(context.get(), theirs.get()) == 1 &&
              EVP_PKEY_derive(context.get(), secret.data(), &size) == 1 && size == secret.size();
  ephemeral_.reset();
  constexpr std::string_view kInfos[] = {HandshakeKey::kInitiatorHandshake, HandshakeKey::kResponderHandshake,
                                         HandshakeKey::kInitiatorToResponder, HandshakeKey::kResponderToInitiator};
  for (std::size_t i = 0; i < keys_.size(); ++i) good = good && hkdf(secret, request.salt, kInfos[i], keys_[i]);
  OPENSSL_cleanse(secret.data(), secret.size());
  return good;
}

void OpenSslHandshake::answer(Handshake& handshake) {
  const CryptoRequest request = handshake.request();
  ByteBuffer out;
  bool good = false;
  switch (request.kind) {
    case CryptoRequest::Kind::generate: good = generate(request, out); break;
    case CryptoRequest::Kind::agree: good = agree(request); break;
    case CryptoRequest::Kind::verify: good = verify(request); break;
    case CryptoRequest::Kind::sign:
      if (const auto signature = identity_.sign(request.message)) {
        out.assign(signature->begin(), signature->end());
        good = true;
      }
      break;
    case CryptoRequest::Kind::seal: good = seal(keys_[request.sealed_by - 1], {}, request.salt, request.message, out); break;
    case CryptoRequest::Kind::open: good = open(keys_[request.sealed_by - 1], {}, request.salt, request.message, out); break;
  }
  if (good)
    handshake.answer(out);
  else
    handshake.decline();
}

OpenSslRecords OpenSslHandshake::outgoing(HandshakeOptions::Role own) const {
  OpenSslRecords records;
  records.key_ = keys_[own == HandshakeOptions::Role::initiator ? 2 : 3];
  return records;
}

OpenSslRecords OpenSslHandshake::incoming(HandshakeOptions::Role own) const {
  OpenSslRecords records;
  records.key_ = keys_[own == HandshakeOptions::Role::initiator ? 3 : 2];
  return records;
}

}  // namespace bb
