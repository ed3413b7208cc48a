"""A small language model of transformers in a process of its own: lengthens and translates prompts.

``engine.intake.language_model`` starts it with a folder or a hub name, writes one JSON object a line to its
standard input and reads one back for each. It ends when its input does. It runs on the
processor: the cards are busy drawing.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

NLLB = {
    "bg": "bul_Cyrl", "cs": "ces_Latn", "da": "dan_Latn", "de": "deu_Latn", "el": "ell_Grek",
    "es": "spa_Latn", "fi": "fin_Latn", "fr": "fra_Latn", "he": "heb_Hebr", "hi": "hin_Deva",
    "hr": "hrv_Latn", "hu": "hun_Latn", "id": "ind_Latn", "it": "ita_Latn", "ja": "jpn_Jpan",
    "ko": "kor_Hang", "lt": "lit_Latn", "nl": "nld_Latn", "no": "nob_Latn", "pl": "pol_Latn",
    "pt": "por_Latn", "ro": "ron_Latn", "ru": "rus_Cyrl", "sv": "swe_Latn", "th": "tha_Thai",
    "tr": "tur_Latn", "uk": "ukr_Cyrl", "vi": "vie_Latn", "zh": "zho_Hans", "ar": "arb_Arab",
    "en": "eng_Latn",
}  # fmt: skip
"""ISO 639-1 to the codes of NLLB-200 (FLORES-200)."""


class LocalModel:
    """One model and its tokenizer. ``source``: a folder or a hub name. Raises OSError, ValueError."""

    def __init__(self, source: str) -> None:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

        self.tokenizer: Any = AutoTokenizer.from_pretrained(source)
        self.translates = bool(AutoConfig.from_pretrained(source).is_encoder_decoder)
        kind = AutoModelForSeq2SeqLM if self.translates else AutoModelForCausalLM
        self.model: Any = kind.from_pretrained(source, dtype=torch.float32).eval()

    def answer(self, asked: dict[str, Any]) -> str:
        """Answer ``messages`` (as in OpenAI's chat), or put ``text`` of the language ``of`` into English.

        Where both are there, a model that translates takes the text, and one that talks the messages.
        """
        if "text" not in asked:
            return self._said(asked["messages"], asked["most"], do_sample=True, temperature=0.8)
        if self.translates:
            return self._translated(asked["text"], asked["of"], asked["most"])
        return self._said(asked["messages"], asked["most"], do_sample=False)

    def _said(self, messages: list[dict[str, str]], most: int, **how: Any) -> str:
        if self.translates:
            raise ValueError("it translates and does not talk")
        if self.tokenizer.chat_template:
            # models that think aloud are asked not to: others' templates ignore the word
            inputs = self.tokenizer.apply_chat_template(
                messages,
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=True,
                enable_thinking=False,
            )
        else:
            told = "\n\n".join(message["content"] for message in messages) + "\n\n"
            inputs = self.tokenizer(told, return_tensors="pt")
        start = inputs["input_ids"].shape[1]
        return self._generated(inputs, start, most, **how)

    def _translated(self, text: str, of: str, most: int) -> str:
        codes = getattr(self.tokenizer, "lang_code_to_id", None) or {}
        named = NLLB if "eng_Latn" in self.tokenizer.get_vocab() else {}
        known: dict[str, Any] = {}
        if named or codes:  # NLLB and M2M100 are told both languages, one pair's models neither
            self.tokenizer.src_lang = named.get(of, of)
            english = named.get("en", "en")
            token = codes.get(english) or self.tokenizer.convert_tokens_to_ids(english)
            known = {"forced_bos_token_id": token}
        return self._generated(self.tokenizer(text, return_tensors="pt"), 0, most, do_sample=False, **known)

    def _generated(self, inputs: Any, start: int, most: int, **how: Any) -> str:
        inputs.pop("token_type_ids", None)
        found = self.model.generate(**inputs, max_new_tokens=most, **how)
        return str(self.tokenizer.decode(found[0][start:], skip_special_tokens=True))


def main() -> None:
    """Serve standard input until it ends."""
    # what libraries print must not fall between the answers
    out, sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8"), sys.stderr
    model: LocalModel | None = None
    for line in sys.stdin:
        try:
            model = model or LocalModel(sys.argv[1])
            said = {"text": model.answer(json.loads(line))}
        except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
            said = {"trouble": str(error).strip().split("\n")[0] or type(error).__name__}
        print(json.dumps(said), file=out, flush=True)


if __name__ == "__main__":
    main()
