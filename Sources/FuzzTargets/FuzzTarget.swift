/// A decoder of bytes from outside, and what must hold of whatever it makes of them.
///
/// Every target takes any bytes at all. Beyond not trapping, it checks what the decoder promises: what it accepts is within
/// its bounds, and written down again reads back to the same.
package struct FuzzTarget: Sendable {
  package let name: String
  /// Longer inputs only take longer to say the same.
  package let maximumLength: Int
  /// Words that inputs are made of, which mutation would take long to come upon: a file in `Corpus/dictionaries`.
  package let dictionary: String?
  /// Runs the decoder.
  ///
  /// - Returns: whether it accepted the input.
  package let run: @Sendable ([UInt8]) -> Bool

  init(_ name: String, maximumLength: Int, dictionary: String? = nil, run: @escaping @Sendable ([UInt8]) -> Bool) {
    self.name = name
    self.maximumLength = maximumLength
    self.dictionary = dictionary
    self.run = run
  }

  package static let all = wire + weights + tokenizers + models + images + rewards + settings + data + plans + peers
}

/// Ends the process with a message that is printed in release builds too: a property that does not hold is a crash.
func require(_ holds: Bool, _ property: @autoclosure () -> String) {
  if !holds { fatalError(property()) }
}
