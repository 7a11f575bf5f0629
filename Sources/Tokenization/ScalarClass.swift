/// What the pre-tokenizer's pattern can tell apart in a character.
enum ScalarClass: UInt8 {
  /// `\p{L}`
  case letter
  /// `\p{N}`
  case number
  /// `\r` or `\n`
  case newline
  /// `\s` that is no newline
  case space
  /// everything else: punctuation, symbols, marks, controls, unassigned
  case other

  init(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0..<0x80: self = Self.ascii[Int(scalar.value)]
    // The great blocks of letters, where asking Unicode's tables would take most of the time.
    case 0x4E00...0x9FFF, 0xAC00...0xD7A3: self = .letter
    default: self.init(properties: scalar)
    }
  }

  private static let ascii: [ScalarClass] = (UInt8(0)..<0x80).map { ScalarClass(properties: Unicode.Scalar($0)) }

  private init(properties scalar: Unicode.Scalar) {
    if scalar == "\r" || scalar == "\n" {
      self = .newline
    } else if scalar.properties.isWhitespace {
      self = .space
    } else {
      self =
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
          Self.isKnown(scalar) ? .letter : .other
        case .decimalNumber, .letterNumber, .otherNumber: Self.isKnown(scalar) ? .number : .other
        default: .other
        }
    }
  }

  /// The `tokenizers` library matches with the tables of Unicode 16: what came later is unassigned there.
  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0.major <= 16 } ?? false
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The character that starts at `offset`, in UTF-8 known to be valid, and how many bytes it takes.
  func scalar(at offset: Int) -> (scalar: Unicode.Scalar, length: Int) {
    let first = UInt32(self[offset])
    func tail(_ distance: Int) -> UInt32 { UInt32(self[offset + distance] & 0x3F) }
    let (value, length): (UInt32, Int) =
      switch first {
      case ..<0x80: (first, 1)
      case ..<0xE0: ((first & 0x1F) << 6 | tail(1), 2)
      case ..<0xF0: ((first & 0x0F) << 12 | tail(1) << 6 | tail(2), 3)
      default: ((first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4)
      }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
  }
}
