internal import CZeroMQ
internal import DurableFiles

/// The public half of a CURVE key pair, 32 bytes; written as 40 characters of Z85.
package struct PublicKey: Sendable, Hashable, CustomStringConvertible {
  package let bytes: [UInt8]

  /// - Returns: nil unless `bytes` holds exactly 32 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == Z85.keyBytes else { return nil }
    self.bytes = bytes
  }

  /// - Returns: nil unless `z85` is 40 characters of Z85.
  package init?(z85: String) {
    guard let bytes = Z85.decode(z85) else { return nil }
    self.bytes = bytes
  }

  package var z85: String { Z85.encode(bytes) }

  /// Short enough for a person to compare: the first 8 bytes of the key's SHA-256, in hexadecimal pairs of bytes.
  package var fingerprint: String {
    let digits = Array(SHA256Digest(of: bytes).description.prefix(16))
    return stride(from: 0, to: digits.count, by: 4).map { String(digits[$0..<$0 + 4]) }.joined(separator: ":")
  }

  package var description: String { fingerprint }

  /// Reads a file that `KeyPair.write` made (the `.pub` one).
  package init(file path: String) throws {
    let text = String(decoding: try DurableFiles.read(path, limit: 1024), as: UTF8.self)
    guard let key = PublicKey(z85: text.trimmingSuffix(while: \.isWhitespace)) else { throw Z85.notAKey(path) }
    self = key
  }
}

/// A CURVE key pair. Printing it shows the public half only.
package struct KeyPair: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package let publicKey: PublicKey
  private let secret: [UInt8]

  /// A new random pair.
  package static func generate() throws(ZeroMQError) -> KeyPair {
    var publicText = [CChar](repeating: 0, count: Z85.keyCharacters + 1)
    var secretText = publicText
    guard zmq_curve_keypair(&publicText, &secretText) == 0 else { throw .last("generate", "a key pair") }
    guard let pair = KeyPair(secret: Z85.decode(Z85.text(secretText))) else {
      throw .last("generate", "a key pair")
    }
    return pair
  }

  /// The pair that a secret half belongs to.
  private init?(secret: [UInt8]?) {
    guard let secret, secret.count == Z85.keyBytes else { return nil }
    var publicText = [CChar](repeating: 0, count: Z85.keyCharacters + 1)
    guard zmq_curve_public(&publicText, Z85.encode(secret)) == 0,
      let publicKey = PublicKey(z85: Z85.text(publicText))
    else { return nil }
    self.publicKey = publicKey
    self.secret = secret
  }

  /// Reads the secret half from a file that only its owner can read.
  ///
  /// - Throws: `zeromq.key-exposed` if anyone else may read it, `zeromq.not-a-key`, or a `FileError`.
  package init(file path: String) throws {
    try PrivateFile.require(path)
    let text = String(decoding: try DurableFiles.read(path, limit: 1024), as: UTF8.self)
    guard let pair = KeyPair(secret: Z85.decode(text.trimmingSuffix(while: \.isWhitespace))) else {
      throw Z85.notAKey(path)
    }
    self = pair
  }

  /// Writes the secret half to `path`, readable by its owner only, and the public half to `path` with `.pub` added.
  ///
  /// - Throws: a `FileError`; a key that is already there stays as it is.
  package func write(to path: String) throws {
    try PrivateFile.create(secretText + "\n", at: path)
    try DurableFiles.write(publicKey.z85 + "\n", to: path + ".pub")
  }

  init?(secretText: String) {
    self.init(secret: Z85.decode(secretText))
  }

  /// For the files of this module.
  var secretText: String { Z85.encode(secret) }

  /// The secret half, 32 bytes, for handing it to libzmq.
  func withSecret<Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
    try body(secret)
  }

  package var description: String { "key pair \(publicKey.fingerprint)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}

/// ZeroMQ's printable form of keys (RFC 32).
private enum Z85 {
  static let keyBytes = 32
  static let keyCharacters = 40

  /// - Returns: nil unless `text` is the Z85 form of 32 bytes.
  static func decode(_ text: String) -> [UInt8]? {
    guard text.utf8.count == keyCharacters else { return nil }
    var bytes = [UInt8](repeating: 0, count: keyBytes)
    guard zmq_z85_decode(&bytes, text) != nil else { return nil }
    // Some characters outside the alphabet pass the decoder: only what encodes back is a key.
    return encode(bytes) == text ? bytes : nil
  }

  static func encode(_ bytes: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: keyCharacters + 1)
    zmq_z85_encode(&text, bytes, bytes.count)
    return self.text(text)
  }

  static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  static func notAKey(_ path: String) -> ZeroMQError {
    ZeroMQError(
      code: "not-a-key", message: "\(path) does not hold a key of 40 Z85 characters",
      advice: "check the path, or make a new pair")
  }
}

extension String {
  fileprivate func trimmingSuffix(while isDropped: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, isDropped(last) { text.removeLast() }
    return String(text)
  }
}
