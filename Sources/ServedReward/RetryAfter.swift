/// The header `Retry-After`: seconds, or a date.
package enum RetryAfter {
  /// 30 years: a number from outside that a clock can be set forward by.
  private static let longest = 1_000_000_000

  /// - Parameters:
  ///   - headers: of the response, by lower-case name. Its own `Date` says what time it is there.
  ///   - now: what time it is here, in seconds since 1970, in case there is none.
  /// - Returns: at most `longest`; nil if it is neither.
  package static func duration(_ headers: [String: String], now: Double) -> Duration? {
    guard let header = headers["retry-after"] else { return nil }
    if let seconds = Double(header), seconds.isFinite, seconds >= 0 { return .seconds(min(seconds, Double(longest))) }
    guard let date = secondsSince1970(header) else { return nil }
    let sent = headers["date"].flatMap(secondsSince1970).map(Double.init) ?? now
    return .seconds(min(max(0, Double(date) - sent), Double(longest)))
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// A date as HTTP has it (RFC 9110, IMF-fixdate): `Sun, 06 Nov 1994 08:49:37 GMT`. What day of the week it is does not matter.
  ///
  /// Read by hand: Foundation's formatter ends the process over some texts that are none.
  private static func secondsSince1970(_ text: String) -> Int? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[0].utf8.count == 4, words[0].hasSuffix(","), words[5] == "GMT",
      let month = months.firstIndex(of: String(words[2])), let day = number(words[1], 1...31), let year = number(words[3], 1970...9999)
    else { return nil }
    let clock = words[4].split(separator: ":", omittingEmptySubsequences: false)
    guard clock.count == 3, let hour = number(clock[0], 0...23), let minute = number(clock[1], 0...59),
      let second = number(clock[2], 0...60)
    else { return nil }
    // A year that begins in March ends with the day that is sometimes there.
    let (march, marchYear) = ((month + 10) % 12, month < 2 ? year - 1 : year)
    let days = 365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400 + (153 * march + 2) / 5 + day - 1
    return (days - 719_468) * 86_400 + (hour * 60 + minute) * 60 + second
  }

  private static func number(_ digits: Substring, _ range: ClosedRange<Int>) -> Int? {
    guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let value = Int(digits), range ~= value else { return nil }
    return value
  }
}
