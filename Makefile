# Every target is a command of ./run, which does the set-up it needs. Arguments: make test ARGS="-k budget"
COMMANDS := demo up reset trace test check setup proto format lint types bench faults docker-test render migrate handbook requirements

.DEFAULT_GOAL := help
.PHONY: help $(COMMANDS)

help $(COMMANDS):
	@./run $@ $(ARGS)
