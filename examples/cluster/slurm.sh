#!/bin/bash
# A Slurm job array: each task runs one part, and leaves it in the folder `parts`, on a file system that all nodes share.
#
#   mkdir -p parts
#   array=$(sbatch --parsable slurm.sh)
#   sbatch --dependency=afterok:"$array" --wrap 'wirelab report parts/*.part -o all.json'
#
# Tasks that were lost are run again with the same command: with --resume, the others find their parts and end at once.
#SBATCH --job-name=wirelab
#SBATCH --array=0-6
#SBATCH --cpus-per-task=2
#SBATCH --output=parts/task-%a.log
set -euo pipefail
# As many parts as the array has tasks. `--shard slurm` would take the number from Slurm, but it is then another one if single
# tasks are run again.
parts=7
exec wirelab bench --config sweep.toml --shard "slurm:$parts" --resume --quiet -o parts
