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

  /// Whoever goes on with the hasher goes on from where it is.
  package consuming func finish() -> SHA256Digest {
    isKnownUniquelyReferenced(&context) ? context.finish() : HashContext(copying: context).finish()
  }

  /// Of all of `data`, which takes no state that outlives the call.
  static func digest(of data: UnsafeRawBufferPointer) -> SHA256Digest {
    let context = HashContext()
    if let base = data.baseAddress { context.update(base, data.count) }
    return context.finish()
  }
}

/// OpenSSL's state of one digest. Its calls fail only without memory or without the algorithm, which every build of
/// libcrypto has.
//
// @unchecked: a hasher changes the state only while it alone refers to it, and otherwise works on a copy.
private final class HashContext: @unchecked Sendable {
  /// Looked up once: a lookup takes longer than the digest of a short message.
  //
  // @unchecked: OpenSSL only reads a method that it has handed out.
  private struct Algorithm: @unchecked Sendable {
    let method = EVP_MD_fetch(nil, "SHA256", nil)
  }
  private static let algorithm = Algorithm()

  private let state: OpaquePointer

  private init(uninitialized: Void) {
    guard let state = EVP_MD_CTX_new() else { fatalError("out of memory for a SHA-256 state") }
    self.state = state
  }

  convenience init() {
    self.init(uninitialized: ())
    Self.require(EVP_DigestInit_ex(state, Self.algorithm.method, nil))
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
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &words) {
      Self.require(EVP_DigestFinal_ex(state, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), nil))
    }
    return SHA256Digest(words: words)
  }

  private static func require(_ status: Int32) {
    guard status == 1 else { fatalError("libcrypto cannot compute SHA-256") }
  }
}
