"""The model that both sides of the comparison run: made from a seed, with a processor of its own, and prompts for it."""
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def make(options):
    """Writes the model and a byte-level tokenizer whose last tokens are Qwen's special ones."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    first = options.vocabulary - len(SPECIAL)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = letters + [f"{number:06}" for number in range(first - len(letters))]
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    assert tokenizer.get_vocab_size() == options.vocabulary
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIAL[0], eos_token=SPECIAL[2], padding_side="left")
    Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(), tokenizer=fast, video_processor=Qwen2VLVideoProcessor(),
        chat_template=TEMPLATE).save_pretrained(options.folder)

    ids = {token: first + index for index, token in enumerate(SPECIAL)}
    torch.manual_seed(0)
    config = Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=options.vocabulary, hidden_size=512, intermediate_size=1536, num_hidden_layers=8,
            num_attention_heads=8, num_key_value_heads=2, rms_norm_eps=1e-6, max_position_embeddings=4096,
            rope_parameters=dict(rope_type="default", rope_theta=1e6, mrope_section=[8, 12, 12]), bos_token_id=None,
            eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|endoftext|>"], tie_word_embeddings=True),
        vision_config=dict(
            depth=4, hidden_size=256, intermediate_size=768, num_heads=4, patch_size=14, window_size=112,
            fullatt_block_indexes=[3], spatial_merge_size=2, temporal_patch_size=2, in_channels=3, out_hidden_size=512,
            hidden_act="silu"),
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"], tie_word_embeddings=True)
    model = Qwen2_5_VLForConditionalGeneration(config).float()
    model.save_pretrained(options.folder)
    return dict(parameters=model.num_parameters())


def load(options):
    import torch
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

    torch.set_num_threads(options.threads)
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        options.folder, dtype=torch.float32, attn_implementation="sdpa")
    return model, AutoProcessor.from_pretrained(options.folder, padding_side="left")


def conversations(options, processor):
    """For each group an image of noise and a text that fills the prompt up to its length."""
    import numpy
    from PIL import Image

    width, height = map(int, options.image.split("x"))
    noise = numpy.random.default_rng(0)

    def conversation(image, text):
        return [
            dict(role="system", content=[dict(type="text", text="Think first.")]),
            dict(role="user", content=[dict(type="image", image=image), dict(type="text", text=text)])]

    def length(conversation):
        found = processor.apply_chat_template(conversation, add_generation_prompt=True, tokenize=True, return_dict=True)
        return len(found["input_ids"][0])

    prompts = []
    for _ in range(options.groups):
        image = Image.fromarray(noise.integers(0, 256, (height, width, 3), dtype=numpy.uint8))
        spare = options.prompt_tokens - length(conversation(image, ""))
        assert spare > 0, f"a prompt with this image has {options.prompt_tokens - spare} tokens without any question"
        prompts.append(conversation(image, "".join("how many? "[i % 10] for i in range(spare))))
        assert length(prompts[-1]) == options.prompt_tokens
    return prompts
