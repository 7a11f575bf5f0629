internal import Foundation

/// A line from the program, read.
package struct RewardAnswer {
  package let id: UInt64
  /// A finite reward in [0, 1], or why there is none: what is wrong with this answer alone does not touch the others.
  package let reward: Result<Double, RewardProgramError>

  /// - Throws: `reward-program.not-an-answer`: nobody knows what it is the answer to.
  package init(_ line: [UInt8]) throws(RewardProgramError) {
    guard String(validating: line, as: UTF8.self) != nil else { throw .notAnAnswer(line, "is not UTF-8") }
    let read: Fields?
    do {
      read = try JSONDecoder().decode(Fields.self, from: Data(line))
    } catch DecodingError.dataCorrupted {
      throw .notAnAnswer(line, "is not JSON")
    } catch {
      read = nil
    }
    guard let read, case .there(let id) = read.id else {
      throw .notAnAnswer(line, "is not an object with an integer \"id\"")
    }
    self.id = id
    reward =
      switch (read.reward, read.error) {
      case (.there(let reward), .absent) where reward.isFinite && (0...1).contains(reward): .success(reward)
      case (.there, .absent): .failure(.badReward(line, "outside of 0 to 1"))
      case (.absent, .there(let why)): .failure(.refused(id: id, why))
      case (.absent, .absent): .failure(.badReward(line, "missing"))
      case (.wrong, _): .failure(.badReward(line, "not a number"))
      case (_, .wrong): .failure(.badReward(line, "missing, and \"error\" is not a string"))
      case (.there, .there): .failure(.badReward(line, "there together with an error"))
      }
  }

  /// Keys that are not known are the program's own.
  private struct Fields: Decodable {
    enum Key: String, CodingKey { case id, reward, error }
    enum Field<Value: Decodable> { case absent, wrong, there(Value) }

    let id: Field<UInt64>
    let reward: Field<Double>
    let error: Field<String>

    init(from decoder: any Decoder) throws {
      let object = try decoder.container(keyedBy: Key.self)
      id = Self.field(object, .id)
      reward = Self.field(object, .reward)
      error = Self.field(object, .error)
    }

    private static func field<Value: Decodable>(_ object: KeyedDecodingContainer<Key>, _ key: Key) -> Field<Value> {
      guard object.contains(key) else { return .absent }
      return (try? object.decode(Value.self, forKey: key)).map { .there($0) } ?? .wrong
    }
  }
}
