#!/bin/bash
# A Slurm job array: each task runs one part, and leaves it in the folder `parts`, on a file system that all nodes share.
#
#   mkdir -p parts
#   array=$(sbatch --parsable slurm.sh)
#   sbatch --dependency=afterok:"$array" --wrap 'wirelab report parts/*.part -o all.json'
#
# To run lost tasks again, use the same command. With --resume, tasks whose part exists end at once.
#SBATCH --job-name=wirelab
#SBATCH --array=0-6
#SBATCH --cpus-per-task=2
#SBATCH --output=parts/task-%a.log
set -euo pipefail
# The number of tasks in the array. `--shard slurm` takes it from Slurm, but that number is wrong when single tasks are run
# again.
parts=7
exec wirelab bench --config sweep.toml --shard "slurm:$parts" --resume --quiet -o parts
