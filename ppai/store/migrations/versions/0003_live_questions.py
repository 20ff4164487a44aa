"""Visitors' own questions, and who has agreed that they are stored."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_questions",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.String(length=200), nullable=False),
        sa.Column("prompt", sa.JSON(), nullable=False),
        sa.Column("responses", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.study_id"], name="fk_live_questions_study_id_studies"),
        sa.PrimaryKeyConstraint("seq", name="pk_live_questions"),
        sa.UniqueConstraint("study_id", "prompt_id", name="uq_live_questions_study_id_prompt_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "live_consents",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("rater", sa.String(length=200), nullable=False),
        sa.Column("consented_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.study_id"], name="fk_live_consents_study_id_studies"),
        sa.PrimaryKeyConstraint("study_id", "rater", name="pk_live_consents"),
    )


def downgrade() -> None:
    op.drop_table("live_consents")
    op.drop_table("live_questions")
