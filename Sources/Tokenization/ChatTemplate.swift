/// How a conversation with Qwen2.5-VL is written down: the model's own template, fixed.
///
///     <|im_start|>system
///     You are a helpful assistant.<|im_end|>
///     <|im_start|>user
///     <|vision_start|><|image_pad|>...<|vision_end|>How many bars?<|im_end|>
///     <|im_start|>assistant
///
/// Images come first in the user's turn, each as many `<|image_pad|>` as the vision tower gives it tokens.
package enum ChatTemplate {
  /// What the template says for a conversation without a system prompt of its own.
  package static let defaultSystem = "You are a helpful assistant."

  /// - Parameters:
  ///   - system: nil for the default; "" for an empty system turn.
  ///   - imageTokenCounts: for each image, the tokens it takes after merging; at least 1.
  ///   - allowingSpecial: whether names of special tokens in `system` and `problem` are those tokens, as they are to
  ///     `transformers`. Off, they are plain text: a problem, or a policy's answer shown to a judge, then cannot end its
  ///     turn and speak for someone else. The two differ for no other text.
  /// - Returns: token ids, up to the place where the assistant begins to speak.
  /// - Throws: `TokenizerError` if an image has no tokens, or if the text (special tokens allowed) has vision tokens.
  package static func prompt(
    system: String?, problem: String, imageTokenCounts: [Int], tokenizer: Tokenizer, allowingSpecial: Bool = false
  ) throws -> [Int32] {
    var ids: [Int32] = []
    let vision = [QwenToken.visionStart, .imagePad, .videoPad].map { tokenizer.id(of: $0.rawValue) }
    func append(_ text: String) throws(TokenizerError) {
      let encoded = tokenizer.encode(text, allowingSpecial: allowingSpecial)
      guard !encoded.contains(where: vision.contains) else {
        throw TokenizerError(
          "vision-token-in-text", "a prompt's text contains a vision token, and only an image may stand for one",
          advice: "name images in the row's path, not in its text")
      }
      ids += encoded
    }
    ids.append(tokenizer.imStart)
    try append("system\n" + (system ?? defaultSystem))
    ids.append(tokenizer.imEnd)
    try append("\n")
    ids.append(tokenizer.imStart)
    if imageTokenCounts.isEmpty {
      try append("user\n" + problem)
    } else {
      try append("user\n")
      for count in imageTokenCounts {
        guard count > 0 else {
          throw TokenizerError("empty-image", "an image of \(count) tokens", advice: "give every image at least one token")
        }
        ids.append(tokenizer.visionStart)
        ids.append(contentsOf: repeatElement(tokenizer.imagePad, count: count))
        ids.append(tokenizer.visionEnd)
      }
      try append(problem)
    }
    ids.append(tokenizer.imEnd)
    try append("\n")
    ids.append(tokenizer.imStart)
    try append("assistant\n")
    return ids
  }

  /// - Returns: the ids of what the assistant says, with the token that ends its turn.
  package static func response(_ text: String, tokenizer: Tokenizer) -> [Int32] {
    tokenizer.encode(text, allowingSpecial: false) + [tokenizer.imEnd]
  }

  /// The prompt as text, for people and for servers that tokenize themselves. See `prompt` for the parameters.
  package static func text(system: String?, problem: String, imageTokenCounts: [Int]) -> String {
    let images = imageTokenCounts.map { count in
      QwenToken.visionStart.rawValue + String(repeating: QwenToken.imagePad.rawValue, count: max(count, 0))
        + QwenToken.visionEnd.rawValue
    }
    return turn("system", system ?? defaultSystem) + turn("user", images.joined() + problem)
      + "\(QwenToken.imStart.rawValue)assistant\n"
  }

  private static func turn(_ role: String, _ content: String) -> String {
    "\(QwenToken.imStart.rawValue)\(role)\n\(content)\(QwenToken.imEnd.rawValue)\n"
  }
}

extension ChatTemplate {
  /// The template in the language of `transformers`, for the `chat_template` of a saved model folder.
  ///
  /// Gives what the published template of Qwen2.5-VL gives for conversations of text and images. Image numbering
  /// (`add_vision_id`) and video are left out.
  static let jinja = """
    {%- if messages[0].role != 'system' -%}
    {{ '<|im_start|>system\\n\(defaultSystem)<|im_end|>\\n' }}
    {%- endif -%}
    {%- for message in messages -%}
    {{ '<|im_start|>' + message.role + '\\n' }}
    {%- if message.content is string -%}
    {{ message.content }}
    {%- else -%}
    {%- for part in message.content -%}
    {%- if part.type == 'image' or 'image' in part or 'image_url' in part -%}
    {{ '<|vision_start|><|image_pad|><|vision_end|>' }}
    {%- elif 'text' in part -%}
    {{ part.text }}
    {%- endif -%}
    {%- endfor -%}
    {%- endif -%}
    {{ '<|im_end|>\\n' }}
    {%- endfor -%}
    {%- if add_generation_prompt -%}
    {{ '<|im_start|>assistant\\n' }}
    {%- endif -%}
    """
}
