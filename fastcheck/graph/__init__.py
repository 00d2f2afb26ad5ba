"""White-box losses: graphs of operations, and how differences travel through them."""

from fastcheck.graph import operators, ops
from fastcheck.graph.graph import Graph
from fastcheck.graph.node import Node

operators.install()

__all__ = ["Graph", "Node", "ops"]
