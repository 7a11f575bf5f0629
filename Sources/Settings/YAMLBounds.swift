internal import CYaml

/// Finds what a YAML file must not hold, before anything is made of it: an alias.
///
/// Yams puts in place of an alias all that it stands for, and compares keys with one another. Ten lists, each of them ten times
/// the one before, are 340 bytes and take it hours.
///
/// - Returns: the line of the first alias, from 1; nil if there is none, or if the text is no YAML, which its reader will say.
package func lineOfAlias(inYAML text: String) -> Int? {
  var parser = yaml_parser_t()
  guard yaml_parser_initialize(&parser) == 1 else { return nil }
  defer { yaml_parser_delete(&parser) }
  let bytes = Array(text.utf8)
  return bytes.withUnsafeBufferPointer { bytes in
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(&parser, &event) == 1 else { return nil }
      defer { yaml_event_delete(&event) }
      switch event.type {
      case YAML_ALIAS_EVENT: return Int(event.start_mark.line) + 1
      case YAML_STREAM_END_EVENT: return nil
      default: break
      }
    }
  }
}
