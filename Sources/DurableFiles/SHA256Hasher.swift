internal import CCrypto

/// SHA-256 over a stream of bytes, by OpenSSL, which uses the processor's own instructions for it where there are any.
package struct SHA256Hasher: Sendable {
  private var context: HashContext

  package init() {
    context = HashContext()
  }

  package mutating func update(_ data: UnsafeRawBufferPointer) {
    guard let base = data.baseAddress else { return }
    if !isKnownUniquelyReferenced(&context) { context = HashContext(copying: context) }
    context.update(base, data.count)
  }

  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  package func finish() -> SHA256Digest {
    HashContext(copying: context).finish()
  }
}

/// OpenSSL's state of one digest. Its calls fail only without memory or without the algorithm, which every build of
/// libcrypto has.
//
// @unchecked: a hasher changes the state only while it alone refers to it, and otherwise works on a copy.
private final class HashContext: @unchecked Sendable {
  private let state: OpaquePointer

  private init(uninitialized: Void) {
    guard let state = EVP_MD_CTX_new() else { fatalError("out of memory for a SHA-256 state") }
    self.state = state
  }

  convenience init() {
    self.init(uninitialized: ())
    Self.require(EVP_DigestInit_ex(state, EVP_sha256(), nil))
  }

  convenience init(copying other: HashContext) {
    self.init(uninitialized: ())
    Self.require(EVP_MD_CTX_copy_ex(state, other.state))
  }

  deinit {
    EVP_MD_CTX_free(state)
  }

  func update(_ bytes: UnsafeRawPointer, _ count: Int) {
    Self.require(EVP_DigestUpdate(state, bytes, count))
  }

  func finish() -> SHA256Digest {
    var bytes = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
    Self.require(EVP_DigestFinal_ex(state, &bytes, nil))
    return SHA256Digest(unchecked: bytes)
  }

  private static func require(_ status: Int32) {
    guard status == 1 else { fatalError("libcrypto cannot compute SHA-256") }
  }
}
