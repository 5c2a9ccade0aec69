# Bytecode for Lambda, beside the sources; included by the Makefiles of the layers and of the functions.
# /opt and /var/task are read-only in Lambda: without bytecode every cold start compiles every module, which about
# doubles it. Bytecode belongs to one minor version of Python, so an interpreter of that version must compile it;
# without such an interpreter the build prints a warning and goes on. "unchecked-hash" keeps times out of it: same source, same bytes.
LAYER_PYTHON ?= 3.13
export LAYER_PYTHON

define bytecode
	@for python in "$${LAYER_PYTHON_PATH:-python$(LAYER_PYTHON)}" "$$HOME"/.pyenv/versions/$(LAYER_PYTHON).*/bin/python; do \
	  if [ "$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$(LAYER_PYTHON)" ]; then \
	    PYTHONHASHSEED=0 $$python -m compileall -q -s "$(ARTIFACTS_DIR)" --invalidation-mode unchecked-hash "$(ARTIFACTS_DIR)"; \
	    exit; \
	  fi; \
	done; \
	echo "no python$(LAYER_PYTHON) here: built without bytecode, cold starts take about twice as long" >&2
endef
