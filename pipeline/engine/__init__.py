"""What every room stands on: the stage contract, workspace, runner and executors."""
