#!/bin/sh
# Gradient descent with momentum on the Rosenbrock function, whose minimum lies in a long bent valley:
#   f(x, y) = (1 - x)^2 + 100 (y - x^2)^2, which is 0 at (1, 1)
set -eu

learning_rate=0.001 momentum=0 steps=2000
while [ $# -gt 0 ]; do
    case $1 in
        --learning-rate) learning_rate=$2 ;;
        --momentum) momentum=$2 ;;
        --steps) steps=$2 ;;
        *) echo "unknown option: $1" >&2; exit 2 ;;
    esac
    shift 2
done

awk -v rate="$learning_rate" -v momentum="$momentum" -v steps="$steps" '
function loss() { return (1 - x) ^ 2 + 100 * (y - x ^ 2) ^ 2 }
BEGIN {
    folder = ENVIRON["GRIDFOLD_RUN_DIR"]
    x = -1.5; y = 2
    for (step = 1; step <= steps; step++) {
        slope_x = -2 * (1 - x) - 400 * x * (y - x ^ 2)
        slope_y = 200 * (y - x ^ 2)
        speed_x = momentum * speed_x - rate * slope_x
        speed_y = momentum * speed_y - rate * slope_y
        x += speed_x
        y += speed_y
        if (!(loss() < 1e9)) {
            print "diverged at step " step > "/dev/stderr"
            exit 1
        }
        if (step % 500 == 0) {
            printf "step %d: x %.4f, y %.4f, loss %.3g\n", step, x, y, loss()
            printf "{\"step\": %d, \"loss\": %.6g}\n", step, loss() > (folder "/metrics.jsonl")
        }
    }
    distance = sqrt((x - 1) ^ 2 + (y - 1) ^ 2)
    printf "{\"loss\": %.6g, \"distance\": %.6g}\n", loss(), distance > (folder "/metrics.json")
}'
