#!/usr/bin/env python3
"""A reward program: 1 if the response's <answer> is the solution's to the letter, and 0 if not.

It gets one JSON object a line, {"id", "problem", "problem_type", "solution", "response"} and "images" where there are some, and
gives one line for each: {"id": N, "reward": R} with R from 0 to 1, or {"id": N, "error": "why"}. Use: rewards.program.
"""
import json, re, sys


def answer(text):
    found = re.findall(r"<answer>(.*?)</answer>", text, re.DOTALL)
    return found[-1].strip() if found else None


for line in sys.stdin:
    request = json.loads(line)
    wanted = answer(request["solution"]) or request["solution"].strip()
    # Flushed, or the answers wait in a buffer until the time is over. What is meant for people goes to sys.stderr.
    print(json.dumps({"id": request["id"], "reward": float(answer(request["response"]) == wanted)}), flush=True)
